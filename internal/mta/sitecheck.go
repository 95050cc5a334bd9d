package mta

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/alias"
	"gosendmail/internal/safefile"
	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
	"gosendmail/internal/tlsconf"
	"gosendmail/mailers"
)

// without tells of settings that have no effect here though somebody may count on them.
func (s *Site) without() []string {
	list := s.Config.Disregarded(cf.Told)
	for _, d := range s.ports.daemons {
		for _, k := range DaemonModifiers {
			if k.Limit.Effect == cf.Told && d.Has(k.Name[0]) {
				list = append(list, fmt.Sprintf("%s: DaemonPortOptions: modifier %s of %s: %s", s.Config.File, k.Name, d.Name, k.Limit.Why))
			}
		}
	}
	return list
}

// checkValues adds to Problems the values that only their use would show to be wrong.
func (s *Site) checkValues() {
	set := s.Settings()
	for _, o := range s.Config.Options {
		if check := valueChecks[o.Name]; check != nil && o.Value != "" {
			s.complainAt(o.Position, check(s, set, o.Value))
		}
	}
	s.checkQueues()
	s.checkMailers()
	s.checkPasswords()
	s.checkHandshakes()
}

// checkQueues refuses to start with queue groups outside of QueueDirectory, by the texts of the paths as the original
// does: what stands elsewhere is found by no program that is told of QueueDirectory alone.
func (s *Site) checkQueues() {
	base := strings.TrimSuffix(queueBase(s.Settings().QueueDirectory), "/")
	for _, q := range s.Config.Queues {
		var text string
		switch {
		case q.Path == "":
			continue
		case !filepath.IsAbs(q.Path):
			text = fmt.Sprintf("QueuePath %s not absolute", q.Path)
		case q.Path != base && !strings.HasPrefix(q.Path, base+"/"):
			text = fmt.Sprintf("QueuePath %s not subpath of QueueDirectory %s/", q.Path, base)
		default:
			continue
		}
		m := cf.Message{Position: q.Position, Text: text, Reply: cf.TempReply, Exit: status.Config}
		s.Refused = append(s.Refused, m)
	}
}

// valueChecks look at what the parser of the configuration cannot judge: what stands in other lines, and what is on
// this host. What they say of the host are warnings.
var valueChecks = map[string]func(s *Site, set *cf.Settings, value string) []cf.Message{
	"TimeZoneSpec": func(_ *Site, set *cf.Settings, value string) []cf.Message {
		_, err := zoneOf(set)
		return refusal("option TimeZoneSpec="+value, err)
	},
	"ConnectOnlyTo": func(_ *Site, _ *cf.Settings, value string) []cf.Message {
		if _, err := connectOnlyTo(value); err != nil {
			return []cf.Message{{Text: "readcf: option ConnectOnlyTo: invalid IP address " + value}}
		}
		return nil
	},
	"AliasFile": func(s *Site, _ *cf.Settings, value string) []cf.Message {
		if _, err := alias.ParseSpecs(value, knownClass(s.env)); err != nil {
			return []cf.Message{{Text: err.Error()}}
		}
		return nil
	},
	AuthBackendOption: func(s *Site, _ *cf.Settings, value string) []cf.Message {
		_, err := s.parseBackends(value)
		return refusal("option "+AuthBackendOption+"="+value, err)
	},
	"SingleThreadDelivery": func(_ *Site, set *cf.Settings, _ string) []cf.Message {
		if set.SingleThreadDelivery && set.HostStatusDirectory == "" {
			return []cf.Message{{Text: "Warning: HostStatusDirectory required for SingleThreadDelivery", Warning: true}}
		}
		return nil
	},
	"HostStatusDirectory": func(_ *Site, set *cf.Settings, value string) []cf.Message {
		path := value
		if !filepath.IsAbs(path) {
			path = filepath.Join(queueBase(set.QueueDirectory), path)
		}
		if _, err := os.Stat(path); err != nil {
			return doubt("cannot use HostStatusDirectory = %s: %s", value, safefile.Reason(err))
		}
		return nil
	},
	"SafeFileEnvironment": absentPath("no mail is delivered to files"),
	"ErrorHeader":         absentPath("reports have no such text"),
	"CertFingerprintAlgorithm": func(_ *Site, set *cf.Settings, value string) []cf.Message {
		if tlsconf.KnownDigest(set.CertFingerprintAlgorithm) {
			return nil
		}
		return doubt("option CertFingerprintAlgorithm: %s is not known: ${cert_fp} stays empty", value)
	},
	"DirectSubmissionModifiers": func(_ *Site, _ *cf.Settings, value string) []cf.Message {
		if odd := unknownLetters(value, DaemonModifiers); odd != "" {
			return doubt("option DirectSubmissionModifiers=%s: %s is not known", value, odd)
		}
		return nil
	},
	"ServerCertFile":   checkCertificates(tlsconf.ServerSide, "ServerCertFile"),
	"ServerKeyFile":    checkCertificates(tlsconf.ServerSide, "ServerKeyFile"),
	"ClientCertFile":   checkCertificates(tlsconf.ClientSide, "ClientCertFile"),
	"ClientKeyFile":    checkCertificates(tlsconf.ClientSide, "ClientKeyFile"),
	"ServerSSLOptions": checkTLS(tlsconf.ServerSide), "ClientSSLOptions": checkTLS(tlsconf.ClientSide),
	"CipherList": checkTLS(tlsconf.ServerSide), "CipherSuites": checkTLS(tlsconf.ServerSide),
}

// refusal makes a message of an error.
func refusal(what string, err error) []cf.Message {
	if err == nil {
		return nil
	}
	return []cf.Message{{Text: fmt.Sprintf("%s: %v", what, err)}}
}

// doubt makes a warning of something that the original takes without a word.
func doubt(format string, args ...any) []cf.Message {
	return []cf.Message{{Text: fmt.Sprintf(format, args...), Warning: true, Doubt: true}}
}

// absentPath warns of an absolute path at which there is nothing, for options that may hold other things, too.
func absentPath(consequence string) func(*Site, *cf.Settings, string) []cf.Message {
	return func(_ *Site, _ *cf.Settings, value string) []cf.Message {
		path, _, _ := strings.Cut(value, "/./")
		if _, err := os.Stat(path); !strings.HasPrefix(path, "/") || err == nil {
			return nil
		}
		return doubt("%s is not there: %s", path, consequence)
	}
}

// checkTLS warns of settings with which TLS is not offered or used.
func checkTLS(side tlsconf.Side) func(*Site, *cf.Settings, string) []cf.Message {
	return func(_ *Site, set *cf.Settings, _ string) []cf.Message {
		o := serverTLS(set)
		if side == tlsconf.ClientSide {
			o = clientTLS(set)
		}
		if err := tlsconf.Check(side, &o); err != nil {
			return doubt("%v: there is no TLS", err)
		}
		return nil
	}
}

// checkCertificates warns of certificates and keys with which there is no TLS, at the line of the option that is to
// blame.
func checkCertificates(side tlsconf.Side, option string) func(*Site, *cf.Settings, string) []cf.Message {
	return func(_ *Site, set *cf.Settings, _ string) []cf.Message {
		o := serverTLS(set)
		if side == tlsconf.ClientSide {
			o = clientTLS(set)
		}
		err := tlsconf.CheckFiles(side, &o, time.Now())
		if err == nil || !strings.HasPrefix(err.Error(), option) {
			return nil // the other option's
		}
		return doubt("%v", err)
	}
}

// checkMailers warns of flags that are not known, and of what can never deliver. Flags may be those of H lines.
func (s *Site) checkMailers() {
	known := map[byte]bool{}
	for _, f := range mailers.KnownFlags {
		known[f.Flag] = true
	}
	for _, h := range s.Config.Headers {
		for i := range len(h.Flags) {
			known[h.Flags[i]] = true
		}
	}
	for _, m := range s.Config.Mailers {
		for _, c := range []byte(m.Flags.String()) {
			if !known[c] {
				s.complainAt(m.Position, doubt("mailer %s: F=%c is not known and has no effect", m.Name, c))
			}
		}
		if _, err := mailers.New(m); err != nil {
			s.complainAt(m.Position, doubt("%v: nothing can be delivered by it", err))
		}
	}
}

// checkPasswords warns where clients can have no AUTH, or must have it and cannot.
func (s *Site) checkPasswords() {
	if s.Settings().AuthBackends != "" {
		return // checked with the option
	}
	cyrus, err := sasl.LoadCyrus(sasl.CyrusFolders)
	if err != nil {
		s.complainAt(cf.Position{}, doubt("AUTH is not offered: %v", err))
	}
	if err == nil && hasPasswords(cyrus) {
		return
	}
	s.eachDaemon(func(at cf.Position, d *Daemon) {
		if d.Has('a') {
			const text = "daemon %s demands AUTH (modifier a), but nobody can have it: there are no passwords"
			s.complainAt(at, doubt(text, d.Name))
		}
	})
}

// checkHandshakes warns of daemons that begin with TLS where nothing names a certificate: each session ends at once.
func (s *Site) checkHandshakes() {
	if s.Settings().ServerCertFile != "" || s.Sets.Ruleset("tls_srv_features") != nil {
		return // checked with the option; the rules may name certificates
	}
	s.eachDaemon(func(at cf.Position, d *Daemon) {
		if d.Has('s') {
			const text = "daemon %s begins with TLS (modifier s), but there is no ServerCertFile: nobody is served"
			s.complainAt(at, doubt(text, d.Name))
		}
	})
}

// eachDaemon calls f for the daemons with the places of their lines.
func (s *Site) eachDaemon(f func(cf.Position, *Daemon)) {
	n := 0
	for _, o := range s.Config.Options {
		if o.Name == "DaemonPortOptions" {
			f(o.Position, s.ports.daemons[n])
			n++
		}
	}
}

// connectOnlyTo reads the option of that name.
func connectOnlyTo(value string) (netip.Addr, error) {
	if value == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(strings.TrimPrefix(value, "IPv6:"))
}
