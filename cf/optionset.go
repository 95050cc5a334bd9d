package cf

import (
	"strings"
	"time"
)

// The setters of options with a syntax of their own.

// setAliases splits at commas; the class in front of a colon stays with its file.
func setAliases(_ *parser, s *Settings, v string) {
	if v == "" {
		v = "aliases"
	}
	for _, spec := range strings.Split(v, ",") {
		if spec = strings.TrimSpace(spec); spec != "" {
			s.AliasFile = append(s.AliasFile, spec)
		}
	}
}

func setBlank(_ *parser, s *Settings, v string) {
	s.BlankSub = ' '
	if v != "" {
		s.BlankSub = v[0]
	}
}

// setMinFree also takes the old form "blocks/size".
func setMinFree(p *parser, s *Settings, v string) {
	blocks, most, ok := strings.Cut(v, "/")
	if ok {
		s.MaxMessageSize = p.number(most)
	}
	s.MinFreeBlocks = p.number(blocks)
}

var resolverFlags = []string{"debug", "aaonly", "usevc", "primary", "igntc", "recurse", "defnames", "stayopen", "dnsrch",
	"use_inet6", "true", "HasWildcardMX", "WorkAroundBrokenAAAA"}

func setResolver(p *parser, s *Settings, v string) {
	for _, w := range strings.Fields(v) {
		bare := strings.TrimPrefix(strings.TrimPrefix(w, "+"), "-")
		if !contains(resolverFlags, bare) {
			p.hint(nearest(bare, resolverFlags), "readcf: I option value %s unrecognized", bare)
			continue
		}
		s.ResolverOptions = append(s.ResolverOptions, w)
	}
}

func contains(list []string, word string) bool {
	for _, l := range list {
		if equalFold(l, word) {
			return true
		}
	}
	return false
}

// privacyFlags are the values of PrivacyOptions; goaway stands for several.
var privacyFlags = []string{"public", "needmailhelo", "needexpnhelo", "noexpn", "needvrfyhelo", "novrfy", "noetrn", "noverb",
	"restrictmailq", "restrictqrun", "restrictexpand", "noreceipts", "nobodyreturn", "goaway", "authwarnings",
	"noactualrecipient"}

// Privacy reports whether a privacy flag is set, by itself, by goaway or by a flag that implies it.
func (s *Settings) Privacy(flag string) bool {
	for _, f := range s.PrivacyOptions {
		switch {
		case f == flag, f == "noexpn" && flag == "noverb":
			return true
		case f == "goaway" && !contains([]string{"noreceipts", "restrictmailq", "restrictqrun", "restrictexpand", "noetrn",
			"nobodyreturn", "public"}, flag):
			return true
		}
	}
	return false
}

func setPrivacy(p *parser, s *Settings, v string) {
	for _, w := range words(v) {
		if !contains(privacyFlags, w) {
			p.hint(nearest(w, privacyFlags), "readcf: Op line: %s unrecognized", w)
			continue
		}
		s.PrivacyOptions = append(s.PrivacyOptions, strings.ToLower(w))
	}
}

// words splits at everything but letters and digits.
func words(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r < 0x80 && !isAlnum(byte(r)) })
}

func setBlame(p *parser, s *Settings, v string) {
	for _, w := range words(v) {
		switch {
		case equalFold(w, "safe"):
			s.DontBlameSendmail = nil
		case contains(blameFlags, w):
			s.DontBlameSendmail = append(s.DontBlameSendmail, strings.ToLower(w))
		default:
			p.hint(nearest(w, blameFlags), "readcf: DontBlameSendmail option: %s unrecognized", w)
		}
	}
}

// blameFlags are the values of DontBlameSendmail (op.txt section 4.9.2).
var blameFlags = []string{"AssumeSafeChown", "ClassFileInUnsafeDirPath", "DontWarnForwardFileInUnsafeDirPath",
	"ErrorHeaderInUnsafeDirPath", "FileDeliveryToHardLink", "FileDeliveryToSymLink", "ForwardFileInGroupWritableDirPath",
	"ForwardFileInUnsafeDirPath", "ForwardFileInUnsafeDirPathSafe", "GroupReadableDefaultAuthInfoFile",
	"GroupReadableKeyFile", "GroupReadableSASLDBFile", "GroupWritableAliasFile", "GroupWritableDirPathSafe",
	"GroupWritableForwardFile", "GroupWritableForwardFileSafe", "GroupWritableIncludeFile",
	"GroupWritableIncludeFileSafe", "GroupWritableSASLDBFile", "HelpFileInUnsafeDirPath",
	"IncludeFileInGroupWritableDirPath", "IncludeFileInUnsafeDirPath", "IncludeFileInUnsafeDirPathSafe",
	"InsufficientEntropy", "LinkedAliasFileInWritableDir", "LinkedClassFileInWritableDir",
	"LinkedForwardFileInWritableDir", "LinkedIncludeFileInWritableDir", "LinkedMapInWritableDir",
	"LinkedServiceSwitchFileInWritableDir", "MapInUnsafeDirPath", "NonRootSafeAddr", "RunProgramInUnsafeDirPath",
	"RunWritableProgram", "TrustStickyBit", "WorldWritableAliasFile", "WorldWritableForwardFile",
	"WorldWritableIncludeFile", "WriteMapToHardLink", "WriteMapToSymLink", "WriteStatsToHardLink",
	"WriteStatsToSymLink", "CertOwner"}

func setUnsafeGroup(p *parser, s *Settings, v string) {
	if !p.boolean(v) {
		s.DontBlameSendmail = append(s.DontBlameSendmail, "groupwritableforwardfilesafe", "groupwritableincludefilesafe")
	}
}

func setSuperSafe(p *parser, s *Settings, v string) {
	switch {
	case v != "" && (v[0]|0x20) == 'i':
		s.SuperSafe = "interactive"
	case v != "" && (v[0]|0x20) == 'p':
		s.SuperSafe = "postmilter"
	case p.boolean(v):
		s.SuperSafe = "true"
	default:
		s.SuperSafe = "false"
	}
}

func setQueueTimeout(p *parser, _ *Settings, v string) {
	ret, warn, ok := strings.Cut(v, "/")
	if ok {
		p.timeout("queuewarn", warn)
	}
	p.timeout("queuereturn", ret)
}

func setZone(_ *parser, s *Settings, v string) { s.TimeZoneSpec, s.TimeZoneSet = v, true }

func setNoRecipient(p *parser, s *Settings, v string) {
	choices := []string{"none", "add-to", "add-apparently-to", "add-bcc", "add-to-undisclosed"}
	if !contains(choices, v) {
		p.hint(nearest(v, choices), "Invalid NoRecipientAction: %s", v)
		return
	}
	s.NoRecipientAction = strings.ToLower(v)
}

func setSafeEnv(_ *parser, s *Settings, v string) {
	if v = strings.TrimRight(v, "/"); v != "" {
		s.SafeFileEnvironment = v
	}
}

func setProbe(p *parser, s *Settings, v string) {
	switch {
	case equalFold(v, "loopback"):
		s.DontProbeInterfaces = "loopback"
	case p.boolean(v):
		s.DontProbeInterfaces = "true"
	default:
		s.DontProbeInterfaces = "false"
	}
}

func setOperators(p *parser, s *Settings, v string) {
	if p.opSet || p.opFrozen {
		p.warnf("Warning: OperatorChars is being redefined.\n         It should only be set before ruleset definitions.")
	}
	p.opSet = true
	s.OperatorChars, _ = munch(v, 0)
}

func setMimeLength(p *parser, s *Settings, v string) {
	whole, part, ok := strings.Cut(v, "/")
	s.MaxMimeHeaderLength = max(0, int(p.number(whole)))
	s.MaxMimeFieldLength = s.MaxMimeHeaderLength / 2
	if ok && part != "" {
		s.MaxMimeFieldLength = max(0, int(p.number(part)))
	}
	if n := s.MaxMimeHeaderLength; n > 0 && n < 128 {
		p.warnf("Warning: MaxMimeHeaderLength: header length limit set lower than 128")
	}
	if n := s.MaxMimeFieldLength; n > 0 && n < 40 {
		p.warnf("Warning: MaxMimeHeaderLength: field length limit set lower than 40")
	}
}

func setHeadersLength(p *parser, s *Settings, v string) {
	s.MaxHeadersLength = int(p.number(v))
	if n := s.MaxHeadersLength; n > 0 && n < 16384 {
		p.warnf("Warning: MaxHeadersLength: headers length limit set lower than %d", 16384)
	}
}

func defaultTimeouts() Timeouts {
	const m, h = time.Minute, time.Hour
	t := Timeouts{
		Initial: 5 * m, Helo: 5 * m, Mail: 10 * m, Rcpt: h, DataInit: 5 * m, DataBlock: h, DataFinal: h, Rset: 5 * m,
		Quit: 2 * m, Command: h, Misc: 2 * m, Ident: 5 * time.Second, FileOpen: m, Control: 2 * m, LHLO: 2 * m,
		Auth: 10 * m, StartTLS: h, HostStatus: 30 * m,
	}
	for u := range t.QueueReturn {
		t.QueueReturn[u] = 5 * 24 * h
	}
	return t
}

// timeouts does "Timeout.sub=value", or the old form that lists several.
func (p *parser) timeouts(sub, v string) {
	if sub != "" {
		p.timeout(sub, v)
		return
	}
	for _, part := range strings.Split(v, ",") {
		part = skipSpace(part)
		if part == "" {
			continue
		}
		if isDigit(part[0]) {
			d, t := p.duration(part, 'm'), &p.c.Settings.Timeout
			t.Mail, t.Rcpt, t.DataInit, t.DataBlock, t.DataFinal, t.Command = d, d, d, d, d, d
			continue
		}
		if i := strings.IndexAny(part, ":="); i >= 0 {
			p.timeout(part[:i], part[i+1:])
		}
	}
}

// timeout sets one time-out by name.
func (p *parser) timeout(name, v string) {
	t := &p.c.Settings.Timeout
	name = strings.ToLower(name)
	key := "timeout." + name
	if !p.command && p.sticky[key] {
		return
	}
	if p.command {
		p.sticky[key] = true
	}
	if d := t.plain()[name]; d != nil {
		*d = p.duration(v, 'm')
		return
	}
	if !p.queueTimeout(t, name, v) && !p.resolverTimeout(t, name, v) {
		p.hint("", "settimeout: invalid timeout %s", name)
	}
}

// plain lists the time-outs that are one duration.
func (t *Timeouts) plain() map[string]*time.Duration {
	return map[string]*time.Duration{
		"initial": &t.Initial, "mail": &t.Mail, "rcpt": &t.Rcpt, "datainit": &t.DataInit, "datablock": &t.DataBlock,
		"datafinal": &t.DataFinal, "command": &t.Command, "rset": &t.Rset, "helo": &t.Helo, "quit": &t.Quit, "misc": &t.Misc,
		"ident": &t.Ident, "fileopen": &t.FileOpen, "connect": &t.Connect, "iconnect": &t.IConnect, "aconnect": &t.AConnect,
		"control": &t.Control, "hoststatus": &t.HostStatus, "lhlo": &t.LHLO, "auth": &t.Auth, "starttls": &t.StartTLS,
	}
}

func (p *parser) queueTimeout(t *Timeouts, name, v string) bool {
	kind, which, _ := strings.Cut(name, ".")
	list, unit := &t.QueueReturn, byte('d')
	switch kind {
	case "queuereturn":
	case "queuewarn":
		list, unit = &t.QueueWarn, 'h'
	default:
		return false
	}
	place, ok := map[string]Urgency{"normal": Normal, "urgent": Urgent, "non-urgent": NonUrgent, "dsn": DSN}[which]
	if !ok && which != "" && which != "*" {
		return false
	}
	d := p.duration(v, unit)
	if _, problem := Duration(v, unit); problem != "" {
		p.duration(v, unit) // it is read twice, and told twice
	}
	if ok {
		list[place] = d
		return true
	}
	for u := range list {
		list[u] = d
	}
	return true
}

func (p *parser) resolverTimeout(t *Timeouts, name, v string) bool {
	switch name {
	case "resolver.retrans":
		d := p.duration(v, 's')
		t.ResolverRetrans, t.ResolverRetransFirst, t.ResolverRetransNormal = d, d, d
	case "resolver.retrans.first":
		t.ResolverRetransFirst = p.duration(v, 's')
	case "resolver.retrans.normal":
		t.ResolverRetransNormal = p.duration(v, 's')
	case "resolver.retry":
		n := int(p.number(v))
		t.ResolverRetry, t.ResolverRetryFirst, t.ResolverRetryNormal = n, n, n
	case "resolver.retry.first":
		t.ResolverRetryFirst = int(p.number(v))
	case "resolver.retry.normal":
		t.ResolverRetryNormal = int(p.number(v))
	default:
		return false
	}
	return true
}

// milter does "Milter.sub=value".
func (p *parser) milter(sub, v string) {
	m := &p.c.Settings.Milter
	lists := map[string]*[]string{"macros.connect": &m.Connect, "macros.helo": &m.Helo, "macros.envfrom": &m.EnvFrom,
		"macros.envrcpt": &m.EnvRcpt, "macros.data": &m.Data, "macros.eoh": &m.EndOfHeader, "macros.eom": &m.EndOfMessage}
	name := strings.ToLower(sub)
	switch {
	case name == "loglevel":
		m.LogLevel = int(p.number(v))
	case name == "maxdatasize":
		m.MaxDataSize = int(p.number(v))
	case sub == "":
		p.errorf("milter_set_option: invalid Milter option, must specify suboption")
	case lists[name] != nil:
		*lists[name] = split(v)
	default:
		p.errorf("milter_set_option: invalid Milter option %s", sub)
	}
}
