package alias

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// world is a small mail system: addresses with @ are remote, the rest is local.
type world struct {
	aliases, files map[string]string
	owner          map[string]int  // of files
	unsafe         map[string]bool // files that others can write
	broken         bool            // the alias map is down
	log            []string
}

var users = map[string]priv.User{
	"alice": {Name: "alice", UID: 1001, Home: "/home/alice", Shell: "/bin/sh"},
	"bob":   {Name: "bob", UID: 1002, Home: "/home/bob", Shell: "/bin/sh"},
	"carol": {Name: "carol", UID: 1003, Home: "/home/carol", Shell: "/bin/false"},
	"dave":  {Name: "dave", UID: 1004, Home: "/home/dave", Shell: "/bin/sh"},
	"root":  {Name: "root", Home: "/root", Shell: "/bin/sh"},
}

func (w *world) Resolve(_ context.Context, addr string, _ *envelope.Recipient) (Target, error) {
	a := strings.Trim(addr, "<> ")
	if i := strings.LastIndex(a, "<"); i >= 0 {
		a = strings.Trim(a[i:], "<> ")
	}
	bare := strings.Trim(a, `"`)
	switch {
	case strings.HasPrefix(bare, "|"):
		return Target{Triple: rules.Triple{Mailer: "prog", User: bare[1:]}, Kind: Program}, nil
	case strings.HasPrefix(bare, "/"):
		return Target{Triple: rules.Triple{Mailer: "*file*", User: bare}, Kind: File}, nil
	case strings.HasPrefix(bare, ":include:"):
		return Target{Triple: rules.Triple{Mailer: "*include*", User: bare[9:]}, Kind: Include}, nil
	case strings.HasPrefix(bare, "down@"):
		return Target{}, status.Status{Exit: status.TempFail, Code: 451, Text: "map down"}
	case strings.HasPrefix(bare, "bad"):
		return Target{}, status.Status{Exit: status.NoUser, Code: 550, Text: "bad address"}
	}
	if user, host, ok := strings.Cut(a, "@"); ok {
		return Target{Triple: rules.Triple{Mailer: "esmtp", Host: host, User: user + "@" + host}, Final: "rfc822; " + a}, nil
	}
	return Target{Triple: rules.Triple{Mailer: "local", User: a}, Aliased: true, Account: true}, nil
}

func (w *world) Local(_ context.Context, t Target) (Target, bool, error) {
	if t.Triple.User == "catchall" {
		t.Triple.User = "root"
		return t, true, nil
	}
	if user, detail, ok := strings.Cut(t.Triple.User, "+"); ok {
		t.Triple.User, t.Triple.Host = user, detail
		return t, true, nil
	}
	return t, false, nil
}

func (w *world) Alias(_ context.Context, name string) (string, error) {
	if w.broken {
		return "", errors.New("map is down")
	}
	if v, ok := w.aliases[strings.ToLower(name)]; ok {
		return v, nil
	}
	return "", ErrNotFound
}

func (w *world) Account(_ context.Context, name string) (priv.User, error) {
	if u, ok := users[strings.ToLower(name)]; ok {
		return u, nil
	}
	return priv.User{}, priv.ErrNotFound
}

func (w *world) AccountID(_ context.Context, uid int) (priv.User, error) {
	for _, u := range users {
		if u.UID == uid {
			return u, nil
		}
	}
	return priv.User{}, priv.ErrNotFound
}

func (w *world) Forward(u priv.User, _ rules.Triple) []string {
	return []string{u.Home + "/.forward.host", u.Home + "/.forward"}
}

func (w *world) Open(_ context.Context, path string, _ FileKind, _ *envelope.Ctladdr) (*Opened, error) {
	text, ok := w.files[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	if text == "DENIED" {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
	}
	return &Opened{ReadCloser: io.NopCloser(strings.NewReader(text)), UID: w.owner[path], Unsafe: w.unsafe[path]}, nil
}

func (w *world) ValidShell(s string) bool       { return s == "/bin/sh" }
func (w *world) Log(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) Complain(place, addr, problem string) { w.Log("%s%s... %s", place, addr, problem) }

func (w *world) Warn(format string, args ...any) { w.Log(format, args...) }

// show tells what is left to deliver, "mailer:user" with the uid whose rights count for programs and files, and what
// failed.
func show(list []*envelope.Recipient) string {
	var out []string
	for _, r := range list {
		switch r.State {
		case envelope.Pending:
			s := r.Triple.Mailer + ":" + r.Triple.User
			if r.Ctladdr != nil && r.Triple.Mailer != "local" {
				s += fmt.Sprintf("(%d)", r.Ctladdr.UID)
			}
			if r.Owner != "" {
				s += "[" + r.Owner + "]"
			}
			if r.Status.Text != "" {
				s += "?" + r.Status.Text
			}
			out = append(out, s)
		case envelope.Failed:
			out = append(out, "!"+r.Status.Text)
		}
	}
	return strings.Join(out, " ")
}

func testWorld() *world {
	deep := map[string]string{
		"a": "b", "b": "a", "self": "self, bob", "alice2": "alice", "twice": `\alice, alice, ALICE`,
		"list": ":include:/list", "owner-list": "carol", "two": "x@remote.test, list", "owner-two": "a, b",
		"prog": `"|/bin/cat -u"`, "file": "/dev/null", "gone": ":include:/gone", "nobody": "nosuch",
		"denied": ":include:/denied", "carols": ":include:/carols", "strange": ":include:/strange", "open": ":include:/open",
		"empty": " , ", "include2": ":include:/list2", "someoneelse": "down@x, bob",
		"alice": "alice, x@remote.test", "circle": "circle2", "circle2": "bob2", "bob2": "circle, bob2",
		"lists": ":include:/lists", "both": "bob, lists", "plus": "dave+x",
	}
	for i := 1; i < 14; i++ {
		deep[fmt.Sprintf("l%d", i)] = fmt.Sprintf("l%d", i+1)
	}
	deep["l14"] = "bob"
	return &world{
		aliases: deep,
		files: map[string]string{
			"/list": "# people\n alice, bob\n\n\"|/bin/cat\"\n", "/list2": ":include:/list2\nbob\n:include:/list\n",
			"/denied": "DENIED", "/carols": "bob, |/bin/cat, /tmp/x", "/strange": "|/bin/cat", "/open": "|/bin/cat",
			"/lists":              ":include:/lists\n",
			"/home/dave/.forward": "\"|/bin/cat\"\n:include:/daves\n", "/daves": "dave\n",
			"/home/bob/.forward": "DENIED",
		},
		owner:  map[string]int{"/list": 0, "/carols": 1003, "/strange": 4711, "/open": 1001},
		unsafe: map[string]bool{"/open": true},
	}
}

func TestExpand(t *testing.T) {
	for in, want := range map[string]string{
		"bob":           "local:bob",
		"nosuch":        "!User unknown",
		"x@remote.test": "esmtp:x@remote.test",
		"a":             "!aliasing/forwarding loop broken",
		"self":          "!User unknown !User unknown local:bob",
		"alice":         "local:alice esmtp:x@remote.test",
		"Alice2":        "local:alice esmtp:x@remote.test",
		"twice":         "local:alice esmtp:x@remote.test",
		"list":          "local:alice[carol] esmtp:x@remote.test[carol] local:bob[carol] prog:/bin/cat[carol]",
		"two":           "esmtp:x@remote.test[owner-two] local:alice[carol] local:bob[carol] prog:/bin/cat[carol]",
		"prog":          "prog:/bin/cat -u",
		"file":          "*file*:/dev/null",
		"gone":          "!Cannot open /gone: No such file or directory",
		"denied":        "!Cannot open /denied: Permission denied",
		"nobody":        "!User unknown",
		"carols": "local:bob !User carol@h.test doesn't have a valid shell for mailing to programs" +
			" !User carol@h.test doesn't have a valid shell for mailing to files",
		"strange":              "!UID 4711 is an unknown user: cannot mail to programs",
		"open":                 "!Address :include:/open is unsafe for mailing to programs",
		"empty":                "!aliasing/forwarding loop broken",
		"include2":             "local:bob local:alice esmtp:x@remote.test prog:/bin/cat",
		"l5":                   "local:bob",
		"l1":                   "!aliasing/forwarding loop broken (11 aliases deep; 10 max)",
		`"|/bin/cat"`:          "!Cannot mail directly to programs",
		"/etc/passwd":          "!Cannot mail directly to files",
		":include:/etc/passwd": "!Cannot mail directly to :include:s",
		"bad@x":                "!bad address",
		"lists":                "!aliasing/forwarding loop broken",
		"both":                 "local:bob",
		"plus":                 "prog:/bin/cat(1004) local:dave",
		"someoneelse":          ":?map down local:bob",
		"catchall":             "local:root",
		"Some Body <bob>":      "local:bob",
		"circle":               "!User unknown !aliasing/forwarding loop broken !User unknown",
	} {
		w := testWorld()
		x := &Expander{Env: w, HostName: "h.test"}
		got, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: in, Primary: true}})
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if s := show(got); s != want {
			t.Errorf("%s:\n got %s\nwant %s", in, s, want)
		}
	}
}

func TestForward(t *testing.T) {
	for _, c := range []struct {
		name, file, text, addr, want string
		unsafe                       bool
	}{
		{"away", "/home/bob/.forward", "x@remote.test\n", "bob", "esmtp:x@remote.test(1002)", false},
		{"first path", "/home/bob/.forward.host", "y@remote.test", "bob", "esmtp:y@remote.test(1002)", false},
		{"keep a copy", "/home/bob/.forward", "\\bob, x@remote.test", "bob", "local:bob esmtp:x@remote.test(1002)", false},
		{"self without backslash", "/home/bob/.forward", "bob\nx@remote.test", "bob", "local:bob esmtp:x@remote.test(1002)", false},
		{"program as the user", "/home/bob/.forward", `"|exec /usr/bin/vacation bob"`, "bob", "prog:exec /usr/bin/vacation bob(1002)", false},
		{"no valid shell", "/home/carol/.forward", "\\carol, |/bin/cat", "carol", "local:carol !User carol@h.test doesn't have a valid shell for mailing to programs", false},
		{"writable by others", "/home/bob/.forward", "|/bin/cat", "bob", "!Address bob is unsafe for mailing to programs", true},
		{"escaped", "/home/bob/.forward", "x@remote.test", `\bob`, "local:bob", false},
		{"empty", "/home/bob/.forward", "# nothing\n", "bob", "local:bob", false},
		{"refused", "/home/bob/.forward", "DENIED", "bob", "local:bob", false},
		{"through an alias", "/home/bob/.forward", "list", "bob", "local:alice(1002)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{files: map[string]string{c.file: c.text}, unsafe: map[string]bool{c.file: c.unsafe}, aliases: map[string]string{"list": "alice"}}
			x := &Expander{Env: w, HostName: "h.test"}
			got, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: c.addr, Primary: true}})
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.ReplaceAll(show(got), "local:alice(1002)", "local:alice"); s != strings.ReplaceAll(c.want, "local:alice(1002)", "local:alice") {
				t.Errorf("\n got %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestMapDownMakesTheMessageWait(t *testing.T) {
	x := &Expander{Env: &world{broken: true}}
	_, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: "bob", Primary: true}})
	if err == nil || !status.As(err).Temporary() {
		t.Errorf("got %v, want a temporary failure", err)
	}
}

func TestNoAlias(t *testing.T) {
	x := &Expander{Env: testWorld(), NoAlias: true}
	got, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: "alice", Primary: true}})
	if err != nil || show(got) != "local:alice" {
		t.Errorf("%v %s", err, show(got))
	}
}

func TestTwinsGetOneCopy(t *testing.T) {
	x := &Expander{Env: testWorld()}
	list := []*envelope.Recipient{{Addr: "bob", Primary: true}, {Addr: "BOB", Primary: true, Notify: envelope.NotifySuccess}, {Addr: "list", Primary: true}}
	got, err := x.Expand(context.Background(), list)
	if err != nil || show(got) != "local:bob local:alice[carol] esmtp:x@remote.test[carol] prog:/bin/cat[carol]" {
		t.Errorf("%v %s", err, show(got))
	}
	if list[1].State != envelope.Duplicate || list[0].Notify != envelope.NotifySuccess {
		t.Errorf("%+v", list[0])
	}
}

// FuzzExpand looks for sets of aliases that keep the expansion going or make it panic, and for lost recipients:
// something has to be delivered, refused or left to wait.
func FuzzExpand(f *testing.F) {
	f.Add("a: b\nb: a, \\bob\nalice: alice, a\n", "a", "bob\nalice")
	f.Add("x: :include:/l\n", "x", ":include:/l, x, |p")
	f.Add("a: a,a,a\nb: a,b,c\nc: a,b,c\n", "c", "")
	f.Fuzz(func(t *testing.T, aliases, addr, list string) {
		table, err := new(Source).Load(strings.NewReader(aliases), "f")
		if err != nil || addr == "" {
			return
		}
		w := &world{aliases: table, files: map[string]string{"/l": list, "/home/bob/.forward": list}}
		x := &Expander{Env: w, MaxAddresses: 2000}
		got, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: addr, Primary: true}})
		if err == nil && show(got) == "" {
			t.Errorf("nothing is left of %q", addr)
		}
	})
}

// TestLongForward holds a .forward of a million lines against MaxForward: it is not read to its end, a line in the log
// says so, and the mailbox gets the mail. A list has the limit of the whole expansion, and its failure goes to the
// sender.
func TestLongForward(t *testing.T) {
	long := strings.Repeat("someone@remote.test\n", 1_000_000)
	for name, c := range map[string]struct{ rcpt, file, want string }{
		"forward":     {"bob", "/home/bob/.forward", "bob pending"},
		"list":        {"biglist", "/big", "biglist expanded, :include:/big failed"},
		"one line":    {"biglist", "/big", "biglist expanded, :include:/big failed"},
		"at the edge": {"bob", "/home/bob/.forward", "1001 recipients"},
	} {
		w := testWorld()
		w.aliases["biglist"] = ":include:/big"
		w.files[c.file] = long
		switch name {
		case "one line":
			w.files[c.file] = strings.ReplaceAll(long, "\n", ", ")
		case "at the edge":
			w.files[c.file] = strings.Repeat("s@remote.test\n", 1000)
		}
		x := &Expander{Env: w, MaxForward: 1000, MaxAddresses: 5000}
		list, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: c.rcpt, Primary: true}})
		if err != nil {
			t.Fatal(name, err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.Addr+map[envelope.State]string{envelope.Pending: " pending", envelope.Failed: " failed",
				envelope.Expanded: " expanded", envelope.Duplicate: " duplicate"}[r.State])
		}
		text := strings.Join(got, ", ")
		if name == "at the edge" {
			text = fmt.Sprint(len(list), " recipients")
		}
		if text != c.want {
			t.Errorf("%s: %.200s, want %s", name, text, c.want)
		}
		if name == "forward" && !strings.Contains(strings.Join(w.log, "\n"), "list is too long: more than 1000 addresses") {
			t.Errorf("the log says %q", w.log)
		}
	}
}

// TestQuotedBefore: \list, who is no user, takes nothing from list.
func TestQuotedBefore(t *testing.T) {
	w := testWorld()
	var earlier Memory
	quoted := &envelope.Recipient{Addr: `\self`, State: envelope.Failed}
	earlier.Add(quoted, Target{Triple: rules.Triple{Mailer: "local", User: "self"}, Aliased: true, Account: true})
	x := &Expander{Env: w, Earlier: &earlier}
	all, err := x.Expand(context.Background(), []*envelope.Recipient{{Addr: "self", Primary: true}})
	if got := show(all); err != nil || !strings.Contains(got, "local:bob") {
		t.Errorf("%s %v", got, err)
	}
}
