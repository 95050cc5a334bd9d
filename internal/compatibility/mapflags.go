package compatibility

import (
	"fmt"
	"strings"

	"gosendmail/cf"
	"gosendmail/maps"
)

// probes are arguments with which a map of a class that needs some is right.
var probes = map[string]string{
	"dns": "-R A", "regex": "x", "socket": "local:/x", "ldap": "-h localhost -k x -v y", "program": "/bin/true",
}

// common are the meanings of flags that most classes share.
var common = map[byte]string{
	'a': "text behind a value that is found", 'A': "duplicate keys are merged", 'D': "not looked up in delivery mode deferred",
	'f': "the key keeps its case", 'k': "column of the key", 'm': "the key is the value", 'N': "keys in the table end in NUL",
	'o': "the file need not be there", 'O': "keys in the table do not end in NUL", 'q': "the key keeps its quotes",
	'S': "character for blanks", 't': "a temporary failure counts as not found", 'T': "text behind the key if the look-up failed for now",
	'v': "column of the value", 'z': "separator of columns or of values",
}

// special are the meanings that differ by class.
var special = map[string]string{
	"dns R": "type of the records", "dns Z": "most values", "dns B": "domain behind the key", "dns d": "time of a query", "dns r": "how often a query is repeated",
	"host h": "a hint of old configurations", "host P": "a hint of old configurations", "host d": "time of a query", "host r": "how often a query is repeated",
	"regex n": "not: no match is found", "regex b": "basic instead of extended expressions", "regex s": "parts of the match", "regex d": "between parts",
	"socket d": "time of an exchange", "syslog L": "priority",
	"dequote s": "character for blanks", "arith s": "character for blanks", "arpa s": "character for blanks", "macro s": "character for blanks",
	"ldap a": "text behind a value that is found", "ldap b": "base of the search", "ldap c": "time to connect", "ldap d": "name to bind as", "ldap h": "hosts", "ldap H": "URIs",
	"ldap k": "filter", "ldap l": "time of a search", "ldap K": "words of the look-up stand in the filter as %1 to %9", "ldap M": "method of authentication", "ldap n": "names of attributes only",
	"ldap p": "port", "ldap P": "file with the password", "ldap r": "dereferencing of aliases", "ldap R": "referrals are not followed", "ldap s": "scope",
	"ldap v": "attributes", "ldap V": "separator of name and value", "ldap w": "version of the protocol", "ldap z": "separator of values",
	"ldap Z": "most entries", "ldap 1": "only a single value is a result", "ldap t": "a temporary failure counts as not found",
}

// idle are flags that are taken and change nothing.
var idle = map[string]string{
	"-A " + common['A']:               "tables of aliases tell duplicate keys instead",
	"-h a hint of old configurations": "as with the original", "-P a hint of old configurations": "as with the original",
}

// lenient are the classes that pass over flags that they do not have, as the original's do, with those that mean
// something to them.
var lenient = map[string]string{
	"arith": "aDSs", "arpa": "aDSs", "dequote": "aDSs", "macro": "aDSs",
	"dns": "aABdDfmNoOqrRStTzZ", "host": "aAdDfhmNoOPqrStT", "regex": "aAbdDfmnNoOqsStT",
}

// accepts reports whether a class takes a flag, by making a map with it.
func accepts(class string, flag byte) bool {
	if known, ok := lenient[class]; ok {
		return strings.IndexByte(known, flag) >= 0
	}
	if class == "sequence" {
		return false // its words are names of maps
	}
	valued := map[string]bool{"dns R": true, "ldap s": true, "ldap M": true, "ldap r": true, "syslog L": true, "ldap w": true}
	value := "1"
	key := class + " " + string(flag)
	if valued[key] {
		value = map[string]string{"dns R": " A", "ldap s": " sub", "ldap M": " none", "ldap r": " never", "syslog L": " info", "ldap w": " 3"}[key]
	}
	args := fmt.Sprintf("-%c%s %s", flag, value, probes[class])
	if class == "regex" && flag == 's' {
		args = "-s0 x"
	}
	if probes[class] == "" {
		args += " /nonexistent/file"
	}
	specs := []maps.Spec{{Name: "probe", Class: class, Args: args}}
	_, err := maps.NewSet(specs, maps.Env{})
	return err == nil || !refuses(err.Error())
}

// refuses tells the errors that are about a flag that is not known.
func refuses(text string) bool {
	return strings.Contains(text, "Illegal option") || strings.Contains(text, "llegal") || strings.Contains(text, "nknown option") || strings.Contains(text, "nrecognized")
}

func (d *document) mapFlags() {
	d.table("Flags of K lines", "Flags that a class does not take are errors; classes arith, arpa, dequote, dns, host, macro and regex pass over them, as with the original.", "flag", "meaning", "classes", "status")
	type line struct{ flag, meaning string }
	var order []line
	classes := map[line][]string{}
	for _, flag := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
		for _, class := range maps.Classes() {
			if !accepts(class, flag) {
				continue
			}
			l := line{"-" + string(flag), meaning(class, flag)}
			if classes[l] == nil {
				order = append(order, l)
			}
			classes[l] = append(classes[l], class)
		}
	}
	for _, l := range order {
		limit := cf.Limit{Effect: cf.Works}
		if why := idle[l.flag+" "+l.meaning]; why != "" {
			limit = cf.Limit{Effect: cf.Idle, Why: why}
		}
		d.row(l.flag, l.meaning, strings.Join(classes[l], ", "), status(limit))
	}
}

func meaning(class string, flag byte) string {
	if m := special[class+" "+string(flag)]; m != "" {
		return m
	}
	return common[flag]
}
