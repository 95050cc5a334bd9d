package mta

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/queue"
)

// trusted reports whether a user may set the sender freely (class t), as root may.
func (s *setup) trusted(user string) bool { return user == "root" || s.InClass("t", user) }

// isLocal reports whether a host name is ours (class w).
func (s *setup) isLocal(host string) bool { return s.InClass("w", strings.TrimSuffix(host, ".")) }

// environ is what E lines and TimeZoneSpec put into the environment of mailers.
func environ(cfg *cf.Config) []string {
	var list []string
	for _, e := range cfg.Env {
		value := e.Value
		if !e.Set {
			v, ok := os.LookupEnv(e.Name)
			if !ok {
				continue
			}
			value = v
		}
		list = append(list, e.Name+"="+value)
	}
	if o := &cfg.Settings; o.TimeZoneSet && o.TimeZoneSpec != "" {
		list = append(list, "TZ="+o.TimeZoneSpec)
	} else if tz, ok := os.LookupEnv("TZ"); ok && !o.TimeZoneSet {
		list = append(list, "TZ="+tz)
	}
	return list
}

// StartProblem makes a message, in the words of the original, of New's error: the queue cannot be entered, for example.
func StartProblem(err error) cf.Message {
	text := err.Error()
	if closed, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, queue.ErrDirectory) {
		text = fmt.Sprintf("can not chdir(%s/): %s", strings.TrimRight(closed.Path, "/"), safefile.Reason(closed.Err))
	}
	return cf.Message{Text: text, Reply: cf.TempReply}
}

// DropRights obeys RunAsUser: root is given up for good.
func (s *Site) DropRights() error {
	id := s.Settings().RunAsUser
	if !id.Set || os.Geteuid() != 0 || id.UID <= 0 {
		return nil
	}
	return priv.Drop(priv.Identity{UID: id.UID, GID: max(id.GID, 0)})
}

// fileMode turns an option's number into permissions; 0 means that the queue chooses.
func fileMode(n int) fs.FileMode { return fs.FileMode(n) & fs.ModePerm }

// Interval reads a time span of the command line (-q15m): minutes where no unit is given.
func Interval(text string) (time.Duration, string) { return cf.Duration(text, 'm') }

// Version is $v.
func Version(s *Site) string {
	v, _ := s.Config.Macros.Macro("v")
	return v
}

// PidFile is the option of that name, expanded.
func (s *Site) PidFile() string { return expandText(s.Config.Settings.PidFile, s.Config.Macros) }

// StandardInput is what stands for a daemon where SMTP is spoken on standard input (-bs).
func StandardInput(s *Server) *Daemon {
	return &Daemon{Name: "", Modifiers: strings.ReplaceAll(s.site.options.DirectSubmissionModifiers, " ", ""), Family: ""}
}

// Key tells sockets apart.
func (d *Daemon) Key() string { return d.Family + " " + d.Addr + " " + d.portText() }

// OffersDSN reports whether EHLO names DSN.
func (s *Server) OffersDSN() bool { return s.site.options.dsn() }

// NeedHelo reports whether MAIL, VRFY and EXPN must not come before HELO (PrivacyOptions).
func (s *Server) NeedHelo() (mail, vrfy, expn bool) {
	p := s.site.options.privacy
	return p.has(needMailHelo), p.has(needVrfyHelo) && !p.has(noVrfy), p.has(needExpnHelo) && !p.has(noExpn)
}

// byFullName finds an account by the name of its owner (option MatchGECOS): blanks, dots and underscores count as the
// same.
func (s *Server) byFullName(ctx context.Context, name string, notFound error) (priv.User, error) {
	want := foldName(name)
	if want == "" || !strings.Contains(want, " ") {
		return priv.User{}, notFound
	}
	text, err := os.ReadFile(cmp.Or(s.Accounts.PasswdFile, "/etc/passwd"))
	if err != nil {
		return priv.User{}, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, ":")
		if len(fields) > 4 && foldName(FullName(fields[4], fields[0])) == want {
			return s.Accounts.User(ctx, fields[0])
		}
	}
	return priv.User{}, notFound
}

func foldName(s string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '.' || r == '_' }), " "))
}

// ownerOf returns whose an open file is.
func ownerOf(f *os.File) (uid, gid int, err error) {
	st, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("mta: owner of %s: not told", f.Name())
	}
	return int(sys.Uid), int(sys.Gid), nil
}

// LogFile is the option of that name.
func (s *Site) LogFile() string { return s.Config.Settings.LogFile }

// freeBlocks is how many blocks a file system has left for us; 0 where it does not tell.
func freeBlocks(dir string) int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0
	}
	return int64(st.Bavail)
}
