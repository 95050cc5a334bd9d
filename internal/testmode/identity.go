package testmode

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/debug"
	"gosendmail/internal/macro"
	"gosendmail/internal/mta"
)

// Build is what -d0 tells of a program, in the original's layout; monitors read it.
type Build struct {
	Version   string
	Abilities []string // the original's words where we can do the same thing
	System    []string // what is used of the operating system
	Extras    []string // what the original calls FFR and we do always
	MSP, MTA  string   // the configuration files where none is named
	PidFile   string
}

// PrintBuild prints what is known before a configuration is read (levels 1, 10, 12 and 13).
func PrintBuild(log *debug.Log, b Build) {
	if log.At(0, 1) {
		log.Printf("Version %s\n Compiled with:", b.Version)
		printWords(log, b.Abilities)
	}
	if log.At(0, 10) {
		log.Printf("    OS Defines:")
		printWords(log, b.System)
		log.Printf("     Conf file:\t%s (default for MSP)\n     Conf file:\t%s (default for MTA)\n      Pid file:\t%s (default)\n",
			b.MSP, b.MTA, b.PidFile)
	}
	if log.At(0, 12) {
		log.Printf(" libsm Defines:")
		printWords(log, []string{"GO=" + runtime.Version(), "GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH})
	}
	if log.At(0, 13) {
		log.Printf("   FFR Defines:")
		printWords(log, b.Extras)
	}
}

// printWords prints words in lines of the width that the original has.
func printWords(log *debug.Log, words []string) {
	const first, width = 7, 63
	at := first
	for _, w := range words {
		if at+len(w) > width {
			log.Printf("\n")
			at = 0
		}
		if at == 0 {
			log.Printf("\t\t%s", w)
		} else {
			log.Printf(" %s", w)
		}
		at += len(w) + 1
	}
	log.Printf("\n")
}

// PrintIdentity prints what the interfaces are called (level 4), what a configuration made of our names (1) and which
// files count (10).
func PrintIdentity(log *debug.Log, site *mta.Site, path string) {
	log.Printf("%s", site.Probed)
	if log.At(0, 10) {
		log.Printf("     Conf file:\t%s (selected)\n      Pid file:\t%s (selected)\n", path, site.PidFile())
	}
	if log.At(0, 1) {
		line := "============ SYSTEM IDENTITY (after readcf) ============"
		log.Printf("\n%s\n", line)
		for _, m := range []struct{ what, name string }{
			{"      (short domain name)", "w"}, {"  (canonical domain name)", "j"}, {"         (subdomain name)", "m"}, {"              (node name)", "k"},
		} {
			value, ok := site.Macros().Macro(m.name)
			if !ok {
				value = "<null>"
			}
			log.Printf("%s $%s = %s\n", m.what, m.name, macro.Show(value))
		}
		log.Printf("%s\n\n", strings.Repeat("=", len(line)))
	}
}

// PrintMailers prints the mailers (level 15).
func PrintMailers(log *debug.Log, site *mta.Site) {
	if log.At(0, 15) {
		for _, m := range site.Config.Mailers {
			printMailer(log.W, site, m)
		}
	}
}

// PrintProblems prints what is wrong with a configuration, those messages that are wanted, and what -d37.1 tells of its
// lines, in the order of lines.
func PrintProblems(w io.Writer, log *debug.Log, site *mta.Site, wanted func(cf.Message) bool) {
	traces := site.Traces
	upTo := func(line int) {
		for len(traces) > 0 && traces[0].Line <= line {
			log.Printf("%s", traces[0].Text)
			traces = traces[1:]
		}
	}
	for _, m := range site.Problems {
		switch {
		case m.File == "":
			upTo(math.MaxInt)
		case strings.Contains(m.Text, " used as abbreviation for "): // it is told before the option is set
			upTo(m.Line - 1)
		default:
			upTo(m.Line)
		}
		if wanted(m) {
			fmt.Fprintln(w, m.Error())
		}
	}
	upTo(math.MaxInt)
}
