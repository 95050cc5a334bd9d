package main

import (
	"context"
	"io"
	"os"

	"gosendmail/internal/dns"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/smtpd"
	"gosendmail/internal/status"
	"gosendmail/maps"
)

// sessionConfig says to the SMTP dialogue what the options say.
func (v *invocation) sessionConfig(site *mta.Site, m *mta.Server, dm *mta.Daemon, log *maillog.Logger) smtpd.Config {
	o := site.Settings()
	cfg := smtpd.Config{
		HostName: site.Hostname(),
		NewSession: func(ctx context.Context, conn smtpd.Conn) (smtpd.Session, error) {
			return m.NewSession(dm, mta.AddrPort(conn.Local), mta.AddrPort(conn.Remote)), nil
		},
		// A socket map answers each client over connections of its own; name servers that are silent are not asked
		// again and again for one.
		Scope: func(ctx context.Context) (context.Context, func()) {
			return maps.WithScope(dns.WithMemory(ctx))
		},
		Step: maps.WithStep, // a table is looked at for a replacement once in a command
		// The session itself holds messages against MaxMessageSize: it words the refusal and logs the size.
		AllowBogusHelo: o.AllowBogusHELO,
		Chunking:       o.Chunking,
		Timeouts:       smtpd.Timeouts{Command: o.Timeout.Command, DataBlock: o.Timeout.DataBlock, StartTLS: o.Timeout.StartTLS},
		Wrap:           v.dialogues.stream,
		Panicked:       m.Panicked,
		AcceptError: func(n int, err error) {
			log.Logf(maillog.LevelSerious, maillog.Err, "", "accept: %v (%d since it was last told)", err, n)
		},
	}
	cfg.NeedMailHelo, cfg.NeedVerifyHelo, cfg.NeedExpandHelo = m.NeedHelo()
	if o.MaxNOOPCommands != 0 {
		cfg.Limits.Noop = o.MaxNOOPCommands
	}
	return cfg
}

// standardSMTP is -bs: one dialogue on standard input and output.
func (v *invocation) standardSMTP(ctx context.Context) int {
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	dm := mta.StandardInput(m)
	server := smtpd.New(v.sessionConfig(m.Site(), m, dm, log))
	server.ServeConn(ctx, stdio{v.stdin, v.stdout}, smtpd.Conn{})
	m.Wait()
	if err := m.Close(ctx); err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	return status.OK
}

// stdio is standard input and output as one stream.
type stdio struct {
	io.Reader
	io.Writer
}

// Close closes both, so that a reader that waits for input ends.
func (s stdio) Close() error {
	for _, end := range []any{s.Reader, s.Writer} {
		if f, ok := end.(*os.File); ok {
			f.Close()
		}
	}
	return nil
}
