package mta

import (
	"os"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/drac"
	"gosendmail/internal/safefile"
	"gosendmail/maps"
)

// declareMaps builds the maps of the K lines.
func (s *Site) declareMaps() {
	var specs []maps.Spec
	if s.Config.Level < 2 {
		specs = append(specs, maps.Spec{Name: "host", Class: "host", Args: "-D"}) // names got no dot in those days
	}
	specs = append(specs, s.aliasSpecs()...)
	for _, m := range s.Config.Maps {
		sp := maps.Spec{Name: m.Name, Class: m.Class, Args: m.Args, File: m.File, Line: m.Line, BlankSub: m.BlankSub}
		switch {
		case blankAtUse[strings.ToLower(m.Class)]:
			sp.BlankSub = 0
		case sp.BlankSub == 0:
			sp.BlankSub = ' '
		}
		specs = append(specs, sp)
	}
	var err error
	if s.Maps, err = maps.NewSet(specs, s.env); err != nil {
		for _, text := range strings.Split(err.Error(), "\n") {
			s.Problems = append(s.Problems, positioned(s.Config.File, text))
		}
	}
}

// blankAtUse are the classes that have option BlankSub as it is in the end; others have it as it was at their K line.
var blankAtUse = map[string]bool{"host": true, "dequote": true, "macro": true, "arith": true, "regex": true, "syslog": true, "sequence": true,
	"switch": true}

// aliasSpecs are the maps under which rules and the test mode find aliases: Alias0, Alias1 and so on for the files of
// option AliasFile, aliases.files for all of them in turn, aliases for what the service switch says.
func (s *Site) aliasSpecs() []maps.Spec {
	specs, err := new(aliases).files(s)
	if err != nil {
		return nil // who needs aliases is told
	}
	var names []string
	for _, sp := range specs {
		names = append(names, sp.Name)
	}
	return append(specs, maps.Spec{Name: "aliases.files", Class: "sequence", Args: strings.Join(names, " ")},
		maps.Spec{Name: "aliases", Class: "switch", Args: "aliases"})
}

// mapEnv is what the maps need from outside: names, checked files, the end of POP-before-SMTP records.
func (s *Site) mapEnv(o LoadOptions) maps.Env {
	set := &s.Config.Settings
	env := o.Maps
	if env.DNS == nil {
		env.DNS = s.resolver
	}
	env.Canon = dns.CanonOptions{TryMX: !slices.Contains(set.ResolverOptions, "HasWildcardMX") &&
		!slices.Contains(set.ResolverOptions, "+HasWildcardMX"), DontExpandCnames: set.DontExpandCnames, IPv6: true}
	if env.IsLocal == nil {
		env.IsLocal = func(host string) bool { return s.InClass("w", host) }
	}
	if o.Report != nil {
		s.HearMaps(o.Report, nil)
	}
	if env.Report == nil {
		env.Report = s.mapProblem
	}
	if env.Socket == nil {
		env.Socket = s.checkSocket
	}
	if env.Note == nil {
		env.Note = s.mapNote
	}
	if env.Log == nil {
		env.Log = s.mapLine
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Open == nil {
		env.Open = func(path string) (*os.File, error) {
			c, err := s.fileChecker()
			if err != nil {
				return nil, err
			}
			return c.Open(path, safefile.MapFile)
		}
	}
	env.Beside = func(path string, open func(string) (*os.File, error)) maps.Beside {
		return drac.NewReader(path, open, env.Now)
	}
	if env.User == nil {
		env.User = systemUser
	}
	if env.Aliases == nil {
		env.Aliases = s.readAliasText
	}
	if env.Switch == nil {
		env.Switch = s.services
	}
	if env.Command == nil {
		env.Command = s.runMapProgram
	}
	env.Macro = func(name string) string {
		v, _ := s.Config.Macros.Macro(name)
		v, _ = s.Config.Macros.Expand(v)
		return v
	}
	env.LDAP, env.UserDB = set.LDAPDefaultSpec, set.UserDatabaseSpec
	if env.BlankSub = set.BlankSub; env.BlankSub == 0 {
		env.BlankSub = ' '
	}
	return env
}
