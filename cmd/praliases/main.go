// Command praliases prints the aliases of the system's alias databases, or of the one that -f names.
//
//	praliases [-C cffile] [-f aliasfile] [key ...]
//
// Each is printed as "key:value"; with keys, only these, and which of them are not there. The text of alias files is
// not read: newaliases builds the databases. The exit code is 0 unless the command line or the configuration is wrong,
// as the original's.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
	"gosendmail/maps/dbtool"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = "usage: praliases [-C cffile] [-f aliasfile] [key ...]\n"

func run(args []string, out, errout io.Writer) int {
	cf, file := "", ""
	keys, err := dbtool.Getopt(args, "C:f:", func(f byte, value string) {
		if f == 'C' {
			cf = value
		} else {
			file = value
		}
	})
	if err != nil {
		fmt.Fprintf(errout, "praliases: %s\n%s", strings.TrimPrefix(err.Error(), "usage: "), usage)
		return dbtool.Usage
	}
	files := []string{file}
	if file == "" {
		if cf == "" {
			cf = dbtool.DefaultCF
		}
		options, err := dbtool.ReadCF(cf, true)
		if err != nil {
			fmt.Fprintf(errout, "praliases: %s: %s\n", cf, safefile.Reason(err))
			return dbtool.NoInput
		}
		files = aliasFiles(options.AliasFiles, errout)
	}
	for _, f := range files {
		if err := print(f, keys, out); err != nil {
			fmt.Fprintf(errout, "praliases: %s: open: %s\n", f, safefile.Reason(err))
		}
	}
	return dbtool.OK
}

// aliasFiles reads the specifications of option AliasFile, [class:][flags] file, and passes over those that are no
// database files.
func aliasFiles(values []string, errout io.Writer) (files []string) {
	for _, v := range values {
		for spec := range strings.SplitSeq(v, ",") {
			spec = strings.TrimSpace(spec)
			class, rest, ok := strings.Cut(spec, ":")
			if !ok || strings.Contains(class, "/") {
				class, rest = "implicit", spec
			}
			switch class {
			case "hash", "btree", "cdb", "implicit":
			default:
				fmt.Fprintf(errout, "praliases: Skipping non-file based alias type %s\n", class)
				continue
			}
			for _, word := range strings.Fields(rest) {
				if !strings.HasPrefix(word, "-") {
					if class == "cdb" {
						word = dbtool.Path(class, word)
					}
					files = append(files, word)
				}
			}
		}
	}
	return files
}

// print writes one database's aliases: all, or those of the keys in their order, which it tells when they are not
// there.
func print(path string, keys []string, out io.Writer) error {
	if !strings.HasSuffix(path, ".db") && !strings.HasSuffix(path, ".cdb") {
		path += ".db"
	}
	db, err := dbfile.OpenFile(path)
	if err != nil {
		return err
	}
	defer db.Close()
	if len(keys) > 0 {
		return printKeys(db, keys, out)
	}
	return db.Each(func(k, v []byte) error {
		_, err := fmt.Fprintf(out, "%s:%s\n", strings.TrimSuffix(string(k), "\x00"), strings.TrimSuffix(string(v), "\x00"))
		return err
	})
}

// printKeys takes keys as they are: they are not folded to lower case.
func printKeys(db *dbfile.DB, keys []string, out io.Writer) error {
	for _, k := range keys {
		v, found, err := db.Get(k, true)
		if err == nil && !found {
			v, found, err = db.Get(k, false)
		}
		switch {
		case err != nil:
			return err
		case !found:
			fmt.Fprintf(out, "%s: No such key\n", k)
		default:
			fmt.Fprintf(out, "%s:%s\n", k, strings.TrimSuffix(v, "\x00"))
		}
	}
	return nil
}
