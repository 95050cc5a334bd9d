package mta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"gosendmail/internal/alias"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/maps"
)

// errNoService says that nothing tells which services a service of the switch has.
var errNoService = errors.New("the service switch does not name it")

// services are what the service switch (option ServiceSwitchFile) names for a service. Without the file, or the line,
// aliases come from files and hosts from the DNS and files. The system's nsswitch.conf is not asked: the original does
// so on some systems only, and what stands there for aliases is meant for others.
func (s *Site) services(service string) ([]string, error) {
	var order []string
	path := s.Config.Settings.ServiceSwitchFile
	if path == "" {
		path = "/etc/mail/service.switch"
	}
	switch f, err := s.openSwitch(path); {
	case err == nil:
		defer f.Close()
		if order, err = serviceLine(f, service); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if order != nil {
		return order, nil
	}
	switch service {
	case "aliases":
		return []string{"files"}, nil
	case "hosts":
		return []string{"dns", "files"}, nil
	}
	return nil, fmt.Errorf("service %s: %w", service, errNoService)
}

func (s *Site) openSwitch(path string) (*os.File, error) {
	c, err := s.fileChecker()
	if err != nil {
		return nil, err
	}
	return c.Open(path, safefile.ServiceSwitch)
}

// serviceLine finds the first line of a service.
func serviceLine(f *os.File, service string) ([]string, error) {
	in := bufio.NewScanner(f)
	for in.Scan() {
		text, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(text)
		if len(words) > 0 && strings.TrimSuffix(words[0], ":") == service {
			return words[1:], in.Err()
		}
	}
	return nil, in.Err()
}

// checkSocket tells whether a local socket may be trusted: nobody but its owners can have put it there.
func (s *Site) checkSocket(path string) error {
	c, err := s.fileChecker()
	if err != nil {
		return err
	}
	_, err = c.CheckRules(path, safefile.SafeDirPath|safefile.NoSymlink, safefile.Read|safefile.Write)
	return err
}

// programTime bounds a program of class program, so that one that hangs does not hold a session for good.
const programTime = 5 * time.Minute

// runMapProgram runs a program of class program: as DefaultUser where we are root, in /tmp, with hardly an environment.
// A program that others could change is run all the same, as the original does, but reported.
func (s *Site) runMapProgram(ctx context.Context, argv []string) (out []byte, exit int, err error) {
	if c, err := s.fileChecker(); err == nil {
		if _, err := c.Check(argv[0], safefile.Program, safefile.Read); err != nil && s.env.Report != nil {
			s.env.Report(fmt.Errorf("Warning: program %s unsafe: %s", argv[0], safefile.Reason(err)))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/tmp"
	cmd.Env = []string{"AGENT=sendmail", "PATH=" + priv.SafePath}
	cmd.WaitDelay = time.Second
	if cmd.SysProcAttr, err = s.asDefaultUser(ctx); err != nil {
		return nil, 0, err
	}
	var text beginning
	cmd.Stdout = &text
	err = cmd.Run()
	if x, ok := errors.AsType[*exec.ExitError](err); ok && x.ExitCode() >= 0 {
		return text, x.ExitCode(), nil
	}
	return text, 0, err
}

// beginning keeps what a program writes first, which is all that a map takes, and passes over the rest.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	const most = 4096
	*b = append(*b, p[:min(len(p), most-len(*b))]...)
	return len(p), nil
}

// asDefaultUser is how a program of the configuration is started: as DefaultUser, with his groups, where this process
// is root.
func (s *Site) asDefaultUser(ctx context.Context) (*syscall.SysProcAttr, error) {
	id, err := s.defaultIdentity(ctx)
	if err != nil {
		return nil, err
	}
	return priv.ChildAttr(id), nil
}

// systemUser is class user's look-up.
func systemUser(ctx context.Context, name string) (*maps.User, error) {
	u, err := priv.System().User(ctx, name)
	if errors.Is(err, priv.ErrNotFound) && strings.ToLower(name) != name {
		u, err = priv.System().User(ctx, strings.ToLower(name))
	}
	switch {
	case errors.Is(err, priv.ErrNotFound):
		return nil, maps.ErrNotFound
	case err != nil:
		return nil, err
	}
	return &maps.User{Name: u.Name, Gecos: u.Gecos, Home: u.Home, Shell: u.Shell, UID: u.UID, GID: u.GID}, nil
}

// aliasText is an alias file in memory: class stab, and class implicit without a data base.
type aliasText map[string]string

// readAliasText reads an alias file. Lines that are wrong are reported and left out.
func (s *Site) readAliasText(file string) (maps.Map, error) {
	c, err := s.fileChecker()
	if err != nil {
		return nil, err
	}
	f, err := c.Open(file, safefile.AliasText)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values := aliasText{}
	src := &alias.Source{Name: s.aliasName(context.Background())}
	err = src.Read(f, file, func(e alias.Entry) error {
		values[e.Name] = e.Value
		return nil
	}, func(p alias.Problem) {
		if s.env.Report != nil {
			s.env.Report(p)
		}
	})
	return values, err
}

// Lookup finds an alias.
func (a aliasText) Lookup(_ context.Context, key string, _ ...string) (string, error) {
	if v, ok := a[strings.ToLower(key)]; ok {
		return v, nil
	}
	return "", maps.ErrNotFound
}

// Close does nothing.
func (aliasText) Close() error { return nil }
