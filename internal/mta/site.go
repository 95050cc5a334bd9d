package mta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/debug"
	"gosendmail/internal/dns"
	"gosendmail/internal/macro"
	"gosendmail/internal/priv"
	"gosendmail/maps"
	"gosendmail/rules"
)

// LoadOptions say which configuration is loaded, and how.
type LoadOptions struct {
	Path    string                     // of the .cf, or of what Text was made from
	Text    []byte                     // the configuration where Path is not to be read; nil reads Path
	Origin  func(line int) cf.Position // with Text: the place in Path that a line comes from; nil means the line itself
	Options []string                   // of the command line, as cf.Input has them: " Name=value" or "xvalue"
	Version string                     // $v; "" means DefaultVersion
	OpMode  byte                       // ${opMode}, the letter after -b: 't', 'd', 's', 'm'...; 0 means 'm'
	Host    *HostNames
	// Maps replaces what maps need from outside, for tests; fields that are nil are filled in.
	Maps maps.Env
	// Resolver is used instead of the system's; nil means that of resolv.conf with the options of the configuration.
	Resolver *dns.Resolver
	// ResolvConf is read instead of /etc/resolv.conf; "" means that.
	ResolvConf string
	Report     func(error) // maps that cannot be opened; nil drops it
	Debug      *debug.Log  // hears of our own names at -d0; nil prints nothing
}

// DefaultVersion is $v where nothing else is said.
const DefaultVersion = "8.18.1"

// Site is a configuration ready for use: parsed, compiled, its classes filled, its maps declared. It is built once and
// only read then; a reload builds a new one.
type Site struct {
	Config   *cf.Config
	Sets     *rules.Sets
	Maps     *maps.Set
	Problems []cf.Message // what is wrong or odd, in the order of lines; errors are those without Warning
	Host     HostNames
	Classes  *Classes
	Refused  []cf.Message // what is right but asks for what is not there and must not be passed over
	Writable bool         // others than its owner may write to the configuration
	Traces   []Trace      // what -d37.1 tells of options
	Probed   string       // what -d0.20 tells of the interfaces; it is printed after the problems

	ports    ports
	resolver *dns.Resolver
	env      maps.Env // what maps of this site need from outside
	ears     ears     // who hears what maps say
}

// Load reads and compiles a configuration. The error tells that it could not be read at all; errors in it are in
// Problems, and Site.Err makes one error of them: whoever starts a daemon must refuse such a site, the test mode goes
// on.
func Load(ctx context.Context, o LoadOptions) (*Site, error) {
	if o.Version == "" {
		o.Version = DefaultVersion
	}
	if o.OpMode == 0 {
		o.OpMode = 'm'
	}
	host := o.Host
	if host == nil {
		host = ownNames(ctx)
	}
	host.print(o.Debug)
	s := &Site{Host: *host, Classes: newClasses()}
	text, err := s.open(&o)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	s.Config, err = cf.Parse(text, cf.Input{Origin: o.Origin,
		Trace: s.tracer(o.Debug),
		File:  o.Path, Macros: s.Host.macros(o), Options: o.Options,
		LookupUser: lookupUser, LookupGroup: lookupGroup, MapClass: declaredClass(o.Maps),
	})
	if err != nil {
		return nil, fmt.Errorf("mta: %w", err)
	}
	s.Problems = append(s.Problems, s.Config.Messages...)
	if err := s.chooseResolver(o); err != nil {
		return nil, err
	}
	s.env = s.mapEnv(o)
	s.fillClasses(ctx, o.Debug)
	s.compile()
	s.declareMaps()
	s.readPorts(ctx)
	s.checkValues()
	for _, list := range [][]cf.Message{s.Problems, s.Refused} {
		slices.SortStableFunc(list, func(a, b cf.Message) int { return order(a) - order(b) })
	}
	return s, nil
}

// open returns the text of the configuration.
func (s *Site) open(o *LoadOptions) (io.ReadCloser, error) {
	if o.Text != nil {
		if st, err := os.Stat(o.Path); err == nil {
			s.Writable = st.Mode().Perm()&0o022 != 0
		}
		return io.NopCloser(bytes.NewReader(o.Text)), nil
	}
	file, err := os.Open(o.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: line 0: cannot open: %w", o.Path, cause(err))
	}
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%s: line 0: %w", o.Path, ErrNoPlainFile)
	}
	s.Writable = st.Mode().Perm()&0o022 != 0
	return file, nil
}

// ErrNoPlainFile means that the configuration is a folder or a device.
var ErrNoPlainFile = errors.New("not a plain file")

// order puts messages without a line after those with one.
func order(m cf.Message) int {
	if m.File == "" {
		return 1 << 30
	}
	return m.Line
}

// cause is the innermost error of a failed file operation, as perror would tell it.
func cause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return sentence{pe.Err}
	}
	return err
}

// sentence begins with a capital letter, as the C library's texts do.
type sentence struct{ error }

func (s sentence) Error() string {
	t := s.error.Error()
	return strings.ToUpper(t[:1]) + t[1:]
}

func (s sentence) Unwrap() error { return s.error }

// Err returns the errors of the configuration, or nil.
func (s *Site) Err() error {
	var errs []error
	for _, m := range s.Errors() {
		errs = append(errs, m)
	}
	return errors.Join(errs...)
}

// Errors lists the problems that forbid to run the configuration, with the nearest right names in their texts.
func (s *Site) Errors() []cf.Message {
	var list []cf.Message
	for _, m := range slices.Concat(s.Problems, s.Refused) {
		if m.Warning {
			continue
		}
		if m.Hint != "" {
			m.Text += " (did you mean " + m.Hint + "?)"
		}
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b cf.Message) int { return order(a) - order(b) })
	return list
}

// Macros returns the values of the configuration: the lowest layer of all macro tables.
func (s *Site) Macros() *macro.Table { return s.Config.Macros }

// Hostname is $j, expanded: the name that we use in SMTP.
func (s *Site) Hostname() string {
	j, _ := s.Config.Macros.Expand("\x81j")
	return j
}

// Resolver asks the DNS for the site.
func (s *Site) Resolver() *dns.Resolver { return s.resolver }

// Settings are the values of the options.
func (s *Site) Settings() *cf.Settings { return &s.Config.Settings }

// Mailer returns a mailer by name, or nil.
func (s *Site) Mailer(name string) *cf.Mailer { return s.Config.Mailer(name) }

// Close closes the maps.
func (s *Site) Close() error { return s.Maps.Close() }

func knownClass(env maps.Env) func(string) bool {
	known := maps.Classes()
	return func(class string) bool {
		class = strings.ToLower(class)
		_, ok := env.Classes[class]
		return ok || slices.Contains(known, class)
	}
}

// declaredClass tells the classes that K lines may name: those known, and those refused with a reason when the maps are
// declared.
func declaredClass(env maps.Env) func(string) bool {
	known, refused := knownClass(env), maps.Refused()
	return func(class string) bool {
		return known(class) || slices.ContainsFunc(refused, func(r maps.RefusedClass) bool { return strings.EqualFold(r.Name, class) })
	}
}

func lookupUser(name string) (uid, gid int, ok bool) {
	u, err := priv.System().User(context.Background(), name)
	return u.UID, u.GID, err == nil
}

func lookupGroup(name string) (gid int, ok bool) {
	g, err := priv.System().Group(context.Background(), name)
	return g.GID, err == nil
}

// chooseResolver sets up the DNS as the options say.
func (s *Site) chooseResolver(o LoadOptions) error {
	if o.Resolver != nil {
		s.resolver = o.Resolver
		return nil
	}
	set := &s.Config.Settings
	conf, err := dns.LoadConfig(dns.Paths{ResolvConf: o.ResolvConf, Hosts: set.HostsFile, ServiceSwitch: set.ServiceSwitchFile})
	if err != nil {
		return fmt.Errorf("mta: %w", err)
	}
	// Canonical names come from where the service switch says, not nsswitch.conf, which other look-ups obey.
	if conf.Canon, err = s.services("hosts"); err != nil {
		return fmt.Errorf("mta: %w", err)
	}
	for _, w := range set.ResolverOptions {
		if strings.EqualFold(w, "true") {
			continue
		}
		if err := conf.SetOption(w); err != nil {
			s.complain(fmt.Sprintf("ResolverOptions: %v", err))
		}
	}
	if set.DANE { // the site's word that its resolver validates (op.txt section 6.8)
		conf.DNSSEC, conf.TrustAD = true, true
	}
	if d := set.Timeout.ResolverRetrans; d > 0 {
		conf.Timeout = d
	}
	if n := set.Timeout.ResolverRetry; n > 0 {
		conf.Attempts = n
	}
	s.resolver = dns.New(conf)
	return nil
}

func (s *Site) complain(text string) { s.Problems = append(s.Problems, cf.Message{Text: text}) }

// compile compiles the rulesets.
func (s *Site) compile() {
	c := s.Config
	sources := make([]rules.SetSource, len(c.Rulesets))
	for i, r := range c.Rulesets {
		list := make([]rules.RuleSource, len(r.Rules))
		for j := range r.Rules {
			l := &r.Rules[j]
			list[j] = rules.RuleSource{LHS: l.LHS, RHS: l.RHS, File: l.File, Line: l.Line}
		}
		sources[i] = rules.SetSource{Name: r.Name, Number: r.Number, Rules: list}
	}
	var problems []rules.Problem
	s.Sets, problems = rules.Compile(sources, rules.Options{
		Operators: c.Operators, BlankSub: c.Settings.BlankSub, Level: c.Level, Class: s.Classes.Class,
	})
	for _, p := range problems {
		s.Problems = append(s.Problems, cf.Message{Position: cf.Position{File: p.File, Line: p.Line}, Text: p.Text})
	}
}

// positioned takes "file:line: text" apart.
func positioned(file, text string) cf.Message {
	rest, ok := strings.CutPrefix(text, file+":")
	if num, t, found := strings.Cut(rest, ": "); ok && found {
		n := 0
		if _, err := fmt.Sscanf(num, "%d", &n); err == nil {
			return cf.Message{Position: cf.Position{File: file, Line: n}, Text: t}
		}
	}
	return cf.Message{Text: text}
}
