package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Keeper holds the TLS configuration of one side and follows its files: a certificate that is replaced on disk is used
// by the next handshake, a broken one keeps the old one.
type Keeper struct {
	side   Side
	o      Options
	report func(error) // of a new file that cannot be used; once for each change
	now    func() time.Time

	mu      sync.Mutex
	looked  time.Time
	seen    string // what the files looked like
	current *material
}

// lookEvery is how often files are looked at again.
const lookEvery = time.Second

// ErrNotOffered: no certificate is set, so that a server has no TLS.
var ErrNotOffered = errors.New("tlsconf: no certificate is set")

// New reads the files. An error names the option and what is wrong: the keeper, which is never nil, then offers no TLS
// until the files have been replaced by good ones.
func New(side Side, o Options, now func() time.Time, report func(error)) (*Keeper, error) {
	if now == nil {
		now = time.Now
	}
	k := &Keeper{side: side, o: o, report: report, now: now}
	k.looked, k.seen = now(), appearance(&k.o)
	m, err := load(side, &k.o)
	if err != nil {
		k.current = &material{}
		return k, fmt.Errorf("tlsconf: %w", err)
	}
	k.current = m
	if report != nil {
		for _, err := range m.absent {
			report(fmt.Errorf("tlsconf: %w", err))
		}
	}
	return k, nil
}

// Offered reports whether there is a certificate.
func (k *Keeper) Offered() bool { return k.get().config != nil && len(k.get().config.Certificates) > 0 }

// Unknown lists the words of CipherList that mean nothing here.
func (k *Keeper) Unknown() []string { return k.get().unknown }

// appearance shows a file's replacement: by another inode, size or time.
func appearance(o *Options) string {
	var b strings.Builder
	for _, name := range o.files() {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintf(&b, "%s ?\n", name)
			continue
		}
		var inode uint64
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			inode = st.Ino
		}
		fmt.Fprintf(&b, "%s %d %d %d\n", name, info.Size(), info.ModTime().UnixNano(), inode)
	}
	return b.String()
}

// get returns the newest material that could be loaded.
func (k *Keeper) get() *material {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Sub(k.looked) < lookEvery {
		return k.current
	}
	k.looked = now
	seen := appearance(&k.o)
	if seen == k.seen {
		return k.current
	}
	k.seen = seen
	m, err := load(k.side, &k.o)
	if err == nil && len(m.absent) > 0 {
		err = m.absent[0]
	}
	if err != nil {
		if k.report != nil {
			k.report(fmt.Errorf("tlsconf: the old certificates stay in use: %w", err))
		}
		return k.current
	}
	k.current = m
	return m
}

// Server returns the configuration for a client's handshake, or ErrNotOffered. All handshakes of one generation share
// it, so that sessions can be resumed.
func (k *Keeper) Server() (*tls.Config, error) {
	if m := k.get(); m.config != nil {
		return m.config, nil
	}
	return nil, ErrNotOffered
}

// Client returns the configuration for a handshake with a server of that name, or nil where the files cannot be used.
// The name may be a literal in brackets, which is not sent.
func (k *Keeper) Client(host string) *tls.Config {
	m := k.get()
	if m.config == nil {
		return nil
	}
	c := m.config.Clone()
	if c.ServerName = strings.TrimSuffix(host, "."); strings.HasPrefix(host, "[") {
		c.ServerName = strings.Trim(host, "[]")
	}
	return c
}

// Verify returns what macro {verify} holds for a peer's certificate, and for "FAIL" why.
func (k *Keeper) Verify(state *tls.ConnectionState) (verdict string, err error) {
	usage := x509.ExtKeyUsageClientAuth
	if k.side == ClientSide {
		usage = x509.ExtKeyUsageServerAuth
	}
	switch {
	case k.side == ServerSide && k.o.NoRequest:
		return VerifyNot, nil
	case len(state.PeerCertificates) == 0:
		return VerifyNo, nil
	}
	if err := k.get().verify(&k.o, state, usage, k.now()); err != nil {
		return VerifyFail, err
	}
	return VerifyOK, nil
}
