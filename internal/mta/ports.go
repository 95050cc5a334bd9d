package mta

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gosendmail/cf"
	"gosendmail/mailers"
)

// Beginnings of replies about ports, as the original has them.
const (
	portReply = "554 5.3.5"
	hostReply = "554 5.3.0"
)

// ports are what DaemonPortOptions and ClientPortOptions say.
type ports struct {
	daemons []*Daemon
	clients []mailers.ClientPort
}

// Daemons are the sockets to listen on; without DaemonPortOptions there is one on the port of SMTP.
func (s *Site) Daemons() []*Daemon {
	if len(s.ports.daemons) == 0 {
		return []*Daemon{{Name: "MTA", Family: "inet"}}
	}
	return s.ports.daemons
}

// readPorts reads both options. What is wrong with a line goes into Problems, what is not there into Refused.
func (s *Site) readPorts(ctx context.Context) {
	s.Refused = s.Config.Refusals()
	for _, o := range s.Config.Options {
		switch o.Name {
		case "DaemonPortOptions":
			d, problems := ParseDaemon(ctx, o.Value, len(s.ports.daemons)+1)
			s.ports.daemons = append(s.ports.daemons, d)
			s.Refused = append(s.Refused, d.refusals(o.Position)...)
			s.complainAt(o.Position, problems)
		case "ClientPortOptions":
			c, problems := parseClientPort(ctx, o.Value)
			s.ports.clients = append(s.ports.clients, c)
			s.complainAt(o.Position, problems)
		}
	}
}

// complainAt adds messages about a line; warnings are those that the original does not have.
func (s *Site) complainAt(at cf.Position, list []cf.Message) {
	for _, m := range list {
		if m.Doubt {
			m = cf.Doubt(at, m.Text)
		}
		m.Position = at
		s.Problems = append(s.Problems, m)
	}
}

// ParseDaemon reads the value of a DaemonPortOptions line; n counts the lines, from 1, for those without a name.
func ParseDaemon(ctx context.Context, value string, n int) (*Daemon, []cf.Message) {
	d := &Daemon{Name: "Daemon" + strconv.Itoa(n-1), Family: "inet"}
	return d, d.parse(ctx, value, "DaemonPortOptions", DaemonKeys, DaemonModifiers)
}

// refusals are what the daemon asks for and is not there.
func (d *Daemon) refusals(at cf.Position) (list []cf.Message) {
	add := func(what string, l cf.Limit) {
		list = append(list, cf.Message{Position: at, Reply: portReply, Text: fmt.Sprintf("DaemonPortOptions: %s of %s: %s", what, d.Name, l.Why)})
	}
	for _, k := range DaemonModifiers {
		if k.Limit.Effect == cf.Refused && d.Has(k.Name[0]) {
			add("modifier "+k.Name, k.Limit)
		}
	}
	if l := cf.LimitOf(cf.DaemonKey+"InputMailFilters", ""); d.Filters != "" && l.Effect == cf.Refused {
		add("InputMailFilters", l)
	}
	return list
}

// parse reads a list of key=value. As in the original the first letter of a key decides, the case telling some apart,
// and what has no value says nothing; a key that its name does not explain, or that is for daemons only, is taken with
// a warning.
func (d *Daemon) parse(ctx context.Context, value, option string, keys, modifiers []Key) (problems []cf.Message) {
	complain := func(m cf.Message) { problems = append(problems, m) }
	for _, part := range strings.Split(value, ",") {
		part = strings.TrimSpace(part)
		key, v, ok := strings.Cut(part, "=")
		key, v = strings.TrimSpace(key), strings.TrimSpace(v)
		if !ok {
			if part != "" {
				complain(cf.Message{Text: fmt.Sprintf("%s: %q is no key=value and has no effect", option, part), Warning: true, Doubt: true})
			}
			continue
		}
		name := keyName(key)
		switch {
		case name == "":
			complain(cf.Message{Text: fmt.Sprintf("PortOptions parameter \"%s\" unknown", part), Reply: portReply})
			continue
		case !explains(name, key):
			complain(cf.Message{Text: fmt.Sprintf("%s: key %s is taken for %s", option, key, name), Warning: true, Doubt: true})
		}
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.Name == name }) {
			complain(cf.Message{Text: fmt.Sprintf("%s: key %s has no effect", option, key), Warning: true, Doubt: true})
		}
		if strings.Contains(v, "=") && strings.ContainsAny(v, " \t") {
			text := fmt.Sprintf("%s: %q is one value: commas stand between keys", option, part)
			complain(cf.Message{Text: text, Warning: true, Doubt: true})
		}
		if text, usable := d.set(name[0], v); text != "" {
			complain(cf.Message{Text: text, Reply: portReply, Warning: usable, Doubt: usable})
		}
	}
	if odd := unknownLetters(d.Modifiers, modifiers); odd != "" {
		complain(cf.Message{Text: fmt.Sprintf("%s: Modifier=%s: %s is not known", option, d.Modifiers, odd), Warning: true, Doubt: true})
	}
	return append(problems, d.resolve(ctx)...)
}

// keyName is the key that a word stands for: the one that begins with the same letter, else with the same in upper
// case; "" if there is none.
func keyName(word string) string {
	if word == "" {
		return ""
	}
	for _, letter := range []string{word[:1], strings.ToUpper(word[:1])} {
		if i := slices.IndexFunc(DaemonKeys, func(k Key) bool { return k.Name[:1] == letter }); i >= 0 {
			return DaemonKeys[i].Name
		}
	}
	return ""
}

// unknownLetters are the letters of modifiers, blanks apart, that no key has. Rules may ask for them (${daemon_flags}).
func unknownLetters(modifiers string, known []Key) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || slices.ContainsFunc(known, func(k Key) bool { return k.Name == string(r) }) {
			return -1
		}
		return r
	}, modifiers)
}

// explains reports whether a key is a name, or one much like it: an abbreviation, or Modify for Modifier.
func explains(name, key string) bool {
	n := min(len(key), len(name), 3)
	return strings.EqualFold(name[:n], key[:n])
}

// resolve makes an address of the name of a host in Addr=.
func (d *Daemon) resolve(ctx context.Context) []cf.Message {
	if strings.HasPrefix(d.Addr, "/") {
		d.Family = "local"
	}
	if d.Family == "local" || d.Addr == "" || d.Addr == "*" {
		d.Addr = strings.TrimPrefix(d.Addr, "*")
		return nil
	}
	network, text := "ip4", d.Addr
	if d.Family == "inet6" {
		network = "ip6"
		if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
			text = text[5:]
		}
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Is6() == (network == "ip6") {
		d.Addr = text
		return nil
	}
	list, err := net.DefaultResolver.LookupNetIP(ctx, network, text)
	if err != nil || len(list) == 0 {
		return []cf.Message{{Text: fmt.Sprintf("host \"%s\" unknown", d.Addr), Reply: hostReply, Host: true}}
	}
	d.Addr = list[0].Unmap().String()
	return nil
}

// parseClientPort reads the value of a ClientPortOptions line (op.txt section 5.6).
func parseClientPort(ctx context.Context, line string) (mailers.ClientPort, []cf.Message) {
	d := Daemon{Family: "inet"}
	problems := d.parse(ctx, line, "ClientPortOptions", ClientKeys(), ClientModifiers)
	c := mailers.ClientPort{IPv6: d.Family == "inet6", SendBuffer: d.SndBuf, RecvBuffer: d.RcvBuf,
		HeloByName: d.Has('h'), NoAuth: d.Has('A'), NoTLS: d.Has('S')}
	c.Addr, _ = netip.ParseAddr(d.Addr) // resolve has complained of what is none
	if d.Port != "" {
		n, _ := strconv.ParseUint(d.portText(), 10, 16)
		c.Port = uint16(n)
	}
	return c, problems
}
