package maps_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"gosendmail/maps"
)

// TestHostileServersAsTheOriginal asks the original in the same misbehaving servers: it never finds less than is found
// here. What never answers is asked with GOSENDMAIL_SLOW only, and where the original has no time limit not at all.
func TestHostileServersAsTheOriginal(t *testing.T) {
	slow := os.Getenv("GOSENDMAIL_SLOW") != ""
	var cf strings.Builder
	var commands []string
	var ours []string
	var names []string
	add := func(kind string, m misbehaviour, class, args string) {
		name := fmt.Sprint("m", len(names))
		fmt.Fprintf(&cf, "K%s %s %s\n", name, class, args)
		commands = append(commands, "/map "+name+" key")
		names = append(names, kind+": "+m.name)
		ours = append(ours, lookUp(t, maps.Spec{Name: "m", Class: class, Args: args}))
	}
	for _, m := range socketMisbehaviours() {
		if !m.slow || slow {
			add("socket", m, "socket", "-d1s "+endpointOf(hostileServer(t, m, readSome)))
		}
	}
	for _, m := range ldapMisbehaviours() {
		if !m.slow {
			add("ldap", m, "ldap", ldapArgs(hostileServer(t, m, readSome)))
		}
	}
	said := original(t, cf.String(), commands)
	found := regexp.MustCompile(`returns (.*) \(0\)`)
	for i, text := range said {
		theirs := "nothing"
		if m := found.FindStringSubmatch(text); m != nil {
			theirs = m[1]
		}
		if (ours[i] == "value") != (theirs == "value") && ours[i] != "temporary" {
			t.Errorf("%s: here %s, the original %q", names[i], ours[i], text)
		}
		if ours[i] == "absent" && strings.Contains(text, "(75)") {
			t.Errorf("%s: here absent, the original's fails temporarily: %q", names[i], text)
		}
		t.Logf("%-50s here %-10s original %.60q", names[i], ours[i], theirs)
	}
}
