package mta

import (
	"context"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/priv"
	"gosendmail/mailers"
	"gosendmail/queue"
)

// Delivery modes (option DeliveryMode).
const (
	deliverBackground  = 'b'
	deliverInteractive = 'i'
	deliverQueueOnly   = 'q'
	deliverDeferred    = 'd'
)

// options are the settings of a configuration with what is derived from them.
type options struct {
	cf.Settings
	privacy privacy
	zone    *time.Location // TimeZoneSpec
}

// dsn reports whether DSN (RFC 3461) is offered.
func (o *options) dsn() bool { return o.SendMimeErrors && !o.privacy.has(noReceipts) }

// setup is a site with what accepting and delivering need of its configuration, worked out once.
type setup struct {
	*Site
	options      options
	mailers      map[string]*mailers.Mailer // by name in lower case
	headerLines  []headerLine
	headerChecks map[string]headerCheck // by field name in lower case; "*" for the others
	persistent   []string               // class {persistentMacros}, names as macro tables have them
	precedences  map[string]int
	level        int
	queues       []cf.Queue
	timeouts     queue.Timeouts
	numbers      map[string]int // of mailers in the statistics, names in lower case
	environ      []string       // E lines and TimeZoneSpec, for mailers
}

// newSetup works out a configuration in which Load found no errors.
func newSetup(site *Site) *setup {
	cfg := site.Config
	s := &setup{
		Site: site, options: options{Settings: cfg.Settings}, level: cfg.Level,
		mailers: map[string]*mailers.Mailer{}, headerChecks: map[string]headerCheck{}, precedences: map[string]int{},
		queues: cfg.Queues, timeouts: timeouts(&cfg.Settings), environ: environ(cfg),
	}
	for _, text := range cfg.Settings.PrivacyOptions {
		p, _ := parsePrivacy(text)
		s.options.privacy |= p
	}
	s.options.zone, _ = zoneOf(&cfg.Settings)
	var names []string
	for _, m := range cfg.Mailers {
		s.mailers[strings.ToLower(m.Name)], _ = mailers.New(m) // checkMailers has warned of those that deliver nothing
		names = append(names, m.Name)
	}
	s.numbers = mailerNumbers(names)
	for i := range cfg.Headers {
		s.addHeader(&cfg.Headers[i])
	}
	for _, p := range cfg.Precedence {
		s.precedences[strings.ToLower(p.Name)] = p.Value
	}
	s.persistent = persistentMacros(cfg)
	s.options.defaultUser()
	return s
}

// zoneOf is what TimeZoneSpec says: "" means the system's, a value is a zone name.
func zoneOf(o *cf.Settings) (*time.Location, error) {
	if !o.TimeZoneSet || o.TimeZoneSpec == "" {
		return time.Local, nil
	}
	return time.LoadLocation(strings.TrimPrefix(o.TimeZoneSpec, ":"))
}

// defaultUser fills DefaultUser where it is not set: mailnull, sendmail or daemon, whoever exists, else 1:1. They are
// accounts of the system, which the passwd file has: each command would wait for getent otherwise.
func (o *options) defaultUser() {
	if o.DefaultUser.Set {
		return
	}
	o.DefaultUser = cf.Identity{Name: "", UID: 1, GID: 1, Set: true}
	for _, name := range []string{"mailnull", "sendmail", "daemon"} {
		if u, err := (priv.Accounts{}).User(context.Background(), name); err == nil && u.UID != 0 {
			o.DefaultUser = cf.Identity{Name: name, UID: u.UID, GID: u.GID, Set: true}
			return
		}
	}
}

// Mailer returns a mailer by name, or nil.
func (s *setup) Mailer(name string) *mailers.Mailer { return s.mailers[strings.ToLower(name)] }

// precedence is the class of a message with that Precedence: field; unknown words mean zero.
func (s *setup) precedence(word string) int { return s.precedences[strings.ToLower(word)] }

// addHeader sorts an H line: a check, a field to add, or both.
func (s *setup) addHeader(h *cf.Header) {
	if h.Check != "" {
		key := strings.ToLower(h.Name)
		if _, ok := s.headerChecks[key]; !ok {
			s.headerChecks[key] = headerCheck{h.Check, h.KeepComments}
		}
		return
	}
	l := headerLine{name: h.Name, kind: kindOf(h.Name), flags: h.Flags, macro: h.Macro,
		template: strings.TrimLeft(h.Value, " \t")}
	s.headerLines = append(s.headerLines, l)
}

// persistentMacros is class {persistentMacros}: macros that are kept with a message in the queue.
func persistentMacros(cfg *cf.Config) []string {
	var names []string
	for _, c := range cfg.Classes {
		if c.Class != "{persistentMacros}" {
			continue
		}
		for _, w := range c.Words {
			name := w.Text
			if len(name) > 1 && !strings.HasPrefix(name, "{") {
				name = "{" + name + "}"
			}
			names = append(names, name)
		}
	}
	return names
}
