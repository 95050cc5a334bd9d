package mta

import (
	"slices"
	"strings"

	"gosendmail/cf"
)

// Key describes a key, or a letter of Modifier=, in DaemonPortOptions and ClientPortOptions.
type Key struct {
	Name    string
	Meaning string
	Limit   cf.Limit
}

var works = cf.Limit{Effect: cf.Works}

// DaemonKeys are the keys of DaemonPortOptions (op.txt section 5.6). Their first letters decide.
var DaemonKeys = []Key{
	{"Name", "name in logs and for rules", works},
	{"Port", "number or service", works},
	{"Addr", "address, or path of a local socket", works},
	{"Family", "inet, inet6, local or unix", works},
	{"InputMailFilters", "milters of this daemon", cf.LimitOf(cf.DaemonKey+"InputMailFilters", "")},
	{"Listen", "connections that wait", cf.Limit{Effect: cf.Idle, Why: "as many wait as the system allows"}},
	{"Modifier", "letters, see below", works},
	{"SndBufSize", "bytes of the send buffer", works},
	{"RcvBufSize", "bytes of the receive buffer", works},
	{"children", "sessions at a time", works},
	{"DeliveryMode", "instead of the option", works},
	{"refuseLA", "instead of the option", works},
	{"delayLA", "instead of the option", works},
	{"queueLA", "instead of the option, for mail that comes in", works},
}

// ClientKeys are the keys of ClientPortOptions.
func ClientKeys() []Key {
	return slices.DeleteFunc(slices.Clone(DaemonKeys), func(k Key) bool { return strings.IndexByte("PAFMSR", k.Name[0]) < 0 })
}

// DaemonModifiers are the letters of Modifier= in DaemonPortOptions. Those for rules are in macro daemon_flags.
var DaemonModifiers = []Key{
	{"a", "AUTH is required", cf.LimitOf(cf.DaemonModifier+"a", "")},
	{"b", "outgoing connections come from the address at which the mail came in", cf.Limit{Effect: cf.Told, Why: "ClientPortOptions decide"}},
	{"c", "host names are made canonical (for rules)", works},
	{"f", "host names must be qualified (for rules)", works},
	{"r", "clients without a name are told apart (for rules)", works},
	{"s", "SMTP over TLS", cf.LimitOf(cf.DaemonModifier+"s", "")},
	{"u", "senders without a host are allowed (for rules)", works},
	{"A", "no AUTH", cf.LimitOf(cf.DaemonModifier+"A", "")},
	{"C", "host names are not made canonical (for rules)", works},
	{"E", "no ETRN", works},
	{"O", "the socket is optional", works},
	{"S", "no STARTTLS", cf.LimitOf(cf.DaemonModifier+"S", "")},
}

// ClientModifiers are the letters of Modifier= in ClientPortOptions.
var ClientModifiers = []Key{
	{"h", "EHLO with the name of the interface", works},
	{"A", "no AUTH", cf.LimitOf(cf.ClientModifier+"A", "")},
	{"S", "no STARTTLS", cf.LimitOf(cf.ClientModifier+"S", "")},
}
