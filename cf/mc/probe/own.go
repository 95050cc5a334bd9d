package probe

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Limits of what Of takes from a configuration: names of classes, and keys of one table.
const (
	maxNames = 60
	maxKeys  = 100
)

// mapPath is the file of a map of keys: "Kname hash -o -T<TMPF> /etc/mail/access".
var mapPath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^K\s*\S+\s+(?:hash|btree|cdb|dbm|text|implicit)\s.*?(/\S+)\s*$`)
})

// Of makes commands about what a configuration itself names: the hosts of its classes, its macros, and the keys of its
// tables, whose texts read returns (the file of a map without its .db; an error leaves it out).
func Of(cf string, read func(path string) (string, error)) []string {
	var names, keys []string
	for line := range strings.SplitSeq(cf, "\n") {
		switch {
		case line == "":
		case line[0] == 'C':
			names = append(names, classWords(line)...)
		case line[0] == 'K':
			if m := mapPath().FindStringSubmatch(line); m != nil {
				if text, err := read(strings.TrimSuffix(m[1], ".db")); err == nil {
					keys = append(keys, keysOf(text)...)
				}
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var out []string
	for _, n := range names[:min(len(names), maxNames)] {
		out = append(out, about("x@"+n)...)
		out = append(out, about(n)...)
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		out = append(out, about(k)...)
	}
	return out
}

// classWords are the words of a class line: Cwa b, C{x}a b.
func classWords(line string) []string {
	rest := line[1:]
	if strings.HasPrefix(rest, "{") {
		_, rest, _ = strings.Cut(rest, "}")
	} else if rest != "" {
		rest = rest[1:]
	}
	return slices.DeleteFunc(strings.Fields(rest), func(w string) bool { return !hostName().MatchString(w) })
}

// hostName is a word that can be a host's name or a number.
var hostName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9_[][-A-Za-z0-9_.:\]]*$`)
})

// keysOf are the first words of a table's lines, without the tags of the access table.
func keysOf(text string) []string {
	var keys []string
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || words[0][0] == '#' || len(keys) == maxKeys {
			continue
		}
		key := words[0]
		if i := strings.IndexByte(key, ':'); i > 0 && !strings.ContainsAny(key[:i], ".@") && !strings.EqualFold(key[:i], "IPv6") {
			key = key[i+1:]
		}
		if key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// about asks about one key: an address, a host, or the beginning of a network address.
func about(key string) []string {
	address := key
	switch {
	case strings.HasPrefix(key, "@"):
		address = "probe" + key
	case strings.HasSuffix(key, "@"):
		address = key + "host.example"
	case strings.HasPrefix(key, "."):
		address = "probe@sub" + key
	case !strings.Contains(key, "@") && strings.Contains(key, "."):
		address = "probe@" + key
	}
	out := []string{"3,0 " + address, "3,HdrFromSMTP,4 " + address, "check_mail " + address, "check_rcpt " + address, "ParseRecipient " + address}
	if !strings.Contains(key, "@") {
		host := strings.TrimPrefix(key, ".")
		out = append(out, ".D{client_addr}"+host, ".D{client_name}"+host, ".D{client_resolve}OK", "check_rcpt probe@elsewhere.example",
			"Basic_check_relay "+host, "greet_pause "+host)
	}
	return out
}
