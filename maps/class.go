package maps

import (
	"fmt"
	"slices"
	"strings"
)

// classes returns the built-in classes by name.
func classes() map[string]Class {
	return map[string]Class{
		"arith":    {Parse: parseSimple, Open: opener(arith)},
		"arpa":     {Parse: parseSimple, Open: opener(arpa)},
		"bestmx":   {Open: opener(bestMX)},
		"btree":    {NeedsFile: true, Open: openHash},
		"cdb":      {NeedsFile: true, Open: openCDB},
		"dequote":  {Parse: parseSimple, Open: opener(unquote)},
		"dns":      {Parse: parseDNS, Open: openDNS},
		"hash":     {NeedsFile: true, Open: openHash},
		"host":     {Parse: parseHost, Open: openHost},
		"implicit": {NeedsFile: true, Open: openImplicit},
		"ldap":     {Parse: parseLDAP, Open: openLDAP},
		"macro":    {Parse: parseSimple, Open: opener(setMacro)},
		"null":     {Open: openNull},
		"program":  {NeedsFile: true, Open: opener(runProgram)},
		"regex":    {Parse: parseRegex, Open: openRegex},
		"sequence": {Parse: parseSequence, Open: openSequence},
		"socket":   {NeedsFile: true, Parse: parseSocket, Open: openSocket},
		"stab":     {NeedsFile: true, Open: openStab},
		"switch":   {NeedsFile: true, Open: openSwitch},
		"syslog":   {Parse: parseSyslog, Open: opener(logKey)},
		"text":     {NeedsFile: true, Parse: parseText, Open: openText},
		"user":     {Parse: parseUser, Open: openUser},
		"userdb":   {NeedsFile: true, Parse: parseUserDB, Open: openUserDB},
	}
}

// Classes lists the built-in classes, sorted.
func Classes() []string {
	var names []string
	for n := range classes() {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// refused says of classes that the original knows why they are not here.
var refused = map[string]string{
	"dbm":     "dbm files are not read: write the map with 'makemap hash' and name class hash",
	"nis":     "NIS is not supported: export the map and use makemap",
	"nisplus": "NIS+ is not supported: export the table and use makemap",
	"netinfo": "NetInfo is not supported",
	"hesiod":  "Hesiod is not supported: use class dns or socket",
	"ph":      "the CCSO name server is not supported: use class socket",
	"nsd":     "the IRIX name service daemon is not supported",
}

// RefusedClass is a class that the original knows and that is not here.
type RefusedClass struct{ Name, Why string }

// Refused lists the classes that are refused with a reason, sorted.
func Refused() []RefusedClass {
	var list []RefusedClass
	for name, why := range refused {
		list = append(list, RefusedClass{name, why})
	}
	slices.SortFunc(list, func(a, b RefusedClass) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func unknownClass(sp Spec) error {
	if why, ok := refused[strings.ToLower(sp.Class)]; ok {
		return fmt.Errorf("readcf: map %s: class %s not available (%s)", sp.Name, sp.Class, why)
	}
	return fmt.Errorf("readcf: map %s: class %s not available", sp.Name, sp.Class)
}
