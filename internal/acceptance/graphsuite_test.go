package acceptance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// graph is a random site of names that stand for others, in circles, too.
type graph struct {
	aliases  map[string][]string // names a0, a1, ..., and owner-a0, ...
	forwards map[string][]string // users' .forward files
	drops    map[string]string   // maildrop of the user database
	virtual  map[string]string   // v0@virt.test, ...
	lists    map[string][]string // l0, ...: files that :include: names
}

// graphUsers may have a .forward and a maildrop.
var graphUsers = []string{"alice", "bob", "carol", "dave", "erin"}

// node picks a name of the graph that may stand for others.
func graphNode(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0, 1, 2:
		return fmt.Sprintf("a%d", r.IntN(6))
	case 3, 4, 5:
		return pick(r, graphUsers)
	case 6:
		return fmt.Sprintf("v%d@virt.test", r.IntN(4))
	}
	return pick(r, graphUsers) + "@example.test"
}

// member picks what a name stands for; self is that name.
func graphMember(r *rand.Rand, self string) string {
	switch r.IntN(22) {
	case 0:
		return self
	case 1:
		return `\` + self
	case 2:
		return `\` + pick(r, graphUsers)
	case 3:
		return fmt.Sprintf(`\a%d`, r.IntN(6))
	case 4, 5:
		return fmt.Sprintf(`"|/home/rec p%d"`, r.IntN(4))
	case 6:
		return fmt.Sprintf("/home/files/f%d", r.IntN(4))
	case 7, 8:
		return fmt.Sprintf(":include:/home/lists/l%d", r.IntN(3))
	case 9:
		return pick(r, []string{"far@remote.test", "far2@remote.test", "far@plain.test"})
	case 10:
		return pick(r, []string{"nosuch", "hans", "rej@remote.test", "tmp@remote.test", "gina", `"|/home/rec exit75"`,
			`"|/home/rec exit67"`})
	case 11:
		return pick(r, graphUsers) + "+detail"
	case 12:
		return fmt.Sprintf("A%d@mail.example.test", r.IntN(6))
	}
	return graphNode(r)
}

func graphMembers(r *rand.Rand, self string, most int) (list []string) {
	for range 1 + r.IntN(most) {
		list = append(list, graphMember(r, self))
	}
	return list
}

// graphCase is the number-th graph of a seed, and a message to some of its names.
func graphCase(seed, number uint64) (*graph, *drainCase) {
	r := rand.New(rand.NewPCG(seed, 4<<32+number))
	g := &graph{aliases: map[string][]string{}, forwards: map[string][]string{}, drops: map[string]string{},
		virtual: map[string]string{}, lists: map[string][]string{}}
	owners := []string{"alice", "carol", "far@remote.test", "a0", "nosuch"}
	for i := range 6 {
		name := fmt.Sprintf("a%d", i)
		g.aliases[name] = graphMembers(r, name, 3)
		if r.IntN(5) == 0 {
			g.aliases["owner-"+name] = []string{pick(r, append(owners, "owner-"+name, name))}
		}
	}
	for _, u := range graphUsers {
		if r.IntN(5) == 0 {
			g.aliases[u] = graphMembers(r, u, 2)
		}
		if r.IntN(2) == 0 {
			g.forwards[u] = graphMembers(r, u, 3)
		}
		if r.IntN(3) == 0 {
			g.drops[u] = pick(r, []string{u, `\` + u, u + "@example.test", "far@remote.test",
				graphNode(r), graphNode(r), graphNode(r)})
		}
	}
	for i := range 4 {
		name := fmt.Sprintf("v%d@virt.test", i)
		g.virtual[name] = pick(r, []string{graphNode(r), graphNode(r), graphNode(r), "far@plain.test",
			fmt.Sprintf("v%d@virt.test", r.IntN(4)), "error:nouser 550 gone", "bob+%1@example.test"})
	}
	for i := range 3 {
		name := fmt.Sprintf("l%d", i)
		g.lists[name] = graphMembers(r, fmt.Sprintf("a%d", i), 4)
	}
	c := &drainCase{user: "root", stdin: "Subject: graph\n\ntext\n", mailer: "O UserDatabaseSpec=/etc/mail/users.db\n"}
	for range 1 + r.IntN(3) {
		if n := graphNode(r); !slices.Contains(c.named, n) {
			c.named = append(c.named, n)
		}
	}
	c.rcpts = append([]string{"-i", pick(r, []string{"-ffar@remote.test", "-ffar@remote.test", "-falice"})}, c.named...)
	return g, c
}

func (g *graph) String() string {
	var b strings.Builder
	lines := func(title string, m map[string][]string) {
		for _, k := range sorted(m) {
			fmt.Fprintf(&b, "%s%s: %s\n", title, k, strings.Join(m[k], ", "))
		}
	}
	lines("", g.aliases)
	lines("forward ", g.forwards)
	lines("list ", g.lists)
	for _, k := range sorted(g.drops) {
		fmt.Fprintf(&b, "drop %s: %s\n", k, g.drops[k])
	}
	for _, k := range sorted(g.virtual) {
		fmt.Fprintf(&b, "virtual %s: %s\n", k, g.virtual[k])
	}
	return b.String()
}

func sorted[T any](m map[string]T) (names []string) {
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// install makes the graph the site's.
func (g *graph) install(t *testing.T, l *drainLab) {
	t.Helper()
	text := "postmaster: root\nMAILER-DAEMON: postmaster\n"
	for _, k := range sorted(g.aliases) {
		text += k + ": " + strings.Join(g.aliases[k], ", ") + "\n"
	}
	write(t, "/etc/mail/aliases", text)
	text = ""
	for _, k := range sorted(g.virtual) {
		text += k + "|" + g.virtual[k] + "\n"
	}
	write(t, "/etc/mail/virtusertable", text)
	for _, k := range sorted(g.lists) {
		write(t, "/home/lists/"+k, strings.Join(g.lists[k], "\n")+"\n")
	}
	for i, u := range drainUsers {
		path := "/home/" + u + "/.forward"
		must(t, os.RemoveAll(path))
		if list := g.forwards[u]; list != nil {
			write(t, path, strings.Join(list, "\n")+"\n")
			must(t, os.Chown(path, 2001+i, 2001+i))
		}
	}
	text = "zz:maildrop zz\n"
	for _, k := range sorted(g.drops) {
		text += k + ":maildrop " + g.drops[k] + "\n"
	}
	makemap := oracletest.Command(t, "usr/sbin/makemap", "btree", "/etc/mail/users")
	makemap.Stdin = strings.NewReader(text)
	if out, err := makemap.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.compileAliases(t)
}

// leaves are the names behind others that stand for nobody else.
func (g *graph) leaves(named []string) (ends []string) {
	met := map[string]bool{}
	var walk func(string)
	walk = func(name string) {
		name = strings.ToLower(strings.Trim(name, `"`))
		for _, host := range []string{"@example.test", "@mail.example.test"} {
			name = strings.TrimSuffix(name, host)
		}
		if met[name] {
			return
		}
		met[name] = true
		base, _, _ := strings.Cut(name, "+")
		list := g.aliases[name]
		if list == nil {
			list = g.aliases[base]
		}
		if file, ok := strings.CutPrefix(name, ":include:/home/lists/"); ok {
			list = g.lists[file]
		}
		if to := g.virtual[name]; list == nil && to != "" {
			list = []string{strings.ReplaceAll(to, "%1", base)}
		}
		if to := g.drops[base]; list == nil && to != "" {
			list = []string{to}
		}
		if list == nil {
			list = g.forwards[base]
		}
		if list == nil {
			ends = append(ends, name)
		}
		for _, m := range list {
			walk(m)
		}
	}
	for _, n := range named {
		walk(n)
	}
	return ends
}

// unknown are the leaves of whom nothing is known in a result.
func (g *graph) unknown(c *drainCase, r result, told string) []string {
	reports := told + r["mail"] + strings.ReplaceAll(r["peers"], "\nD: ", "\n")
	a := oracletest.Account{Peers: r["peers"], Queue: r["queue"], Told: reports}
	for box := range strings.SplitSeq(r["mail"], "=====\n") {
		a.Mailboxes = append(a.Mailboxes, boxOf(box)...)
	}
	ends := g.leaves(c.named)
	lost := slices.DeleteFunc(a.Missing(ends), func(n string) bool {
		name := strings.TrimPrefix(strings.TrimPrefix(n, "|/home/rec "), `\`)
		return strings.HasPrefix(n, "error:") || slices.Contains(a.Mailboxes, name) || strings.Contains(reports, n) ||
			len(a.Missing([]string{name})) == 0
	})
	if strings.Contains(reports, "loop broken") {
		return nil // the alias is named there, for all that it stands for
	}
	if len(ends) == 0 && len(a.Mailboxes) == 0 && r["peers"] == "" {
		return c.named
	}
	return lost
}

// reached are the mailboxes, files, programs and addresses that got the message, reports apart.
func reached(r result) map[string]bool {
	got := map[string]bool{}
	for box := range strings.SplitSeq(r["mail"], "=====\n") {
		if head, _, _ := strings.Cut(box, "\n\n"); !strings.Contains(head, "From: Mail Delivery Subsystem") {
			for _, name := range boxOf(box) {
				got[name] = true
			}
		}
	}
	for message := range strings.SplitSeq(r["peers"], "--\n") {
		if strings.Contains(message, "C: MAIL From:<>") {
			continue
		}
		for _, m := range sentTo.FindAllStringSubmatch(message, -1) {
			got[m[1]] = true
		}
	}
	return got
}

var sentTo = regexp.MustCompile(`C: RCPT To:<([^>]*)>`)

// TestGraphsOfAliasesAsTheOriginal sends mail into random graphs of aliases, lists with and without an owner, .forward
// files, maildrops of the user database and virtual users, at once and from the queue: the same mailboxes, files,
// programs and addresses get it as with the original, and nobody is lost. Which of several names in circles within
// circles gets the mail differs; the words of reports are the affair of other suites.
func TestGraphsOfAliasesAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		prepareDrainWith(t, w, "FEATURE(<<virtusertable>>,<<text -z| -k0 -v1 /etc/mail/virtusertable>>)dnl\n"+
			"VIRTUSER_DOMAIN(<<virt.test>>)dnl\n")
		write(t, w.path("etc/mail/virtusertable"), "none@virt.test|bob\n")
	}, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		seed, numbers := suite(t, 8, 400)
		tried, differ := 0, 0
		for _, n := range numbers {
			g, c := graphCase(seed, n)
			g.install(t, l)
			try := func(how string, got, want result, told string) {
				tried++
				if a, b := reached(got), reached(want); !maps.Equal(a, b) {
					differ++
					t.Logf("%d %s: ours %v, the original %v\n%s\n%s", n, how, sorted(a), sorted(b), c, g)
				}
				if lost := g.unknown(c, got, told); len(lost) > 0 {
					t.Errorf("%d %s: of %q nothing is known\n%s\n%s\n%q", n, how, lost, c, g, got)
				}
			}
			want, got := l.deliver(t, them, c), l.deliver(t, us, c)
			try("at once", got, want, got["said"])
			s, told := l.write(t, them, c)
			want = l.drain(t, s, c, them)
			try("drained", l.drain(t, s, c, us), want, told)
			s, told = l.write(t, us, c)
			try("written", l.drain(t, s, c, us), want, told)
		}
		t.Logf("%d of %d reach others", differ, tried)
		if differ*100 > 10*tried {
			t.Errorf("%d of %d reach others than with the original", differ, tried)
		}
	})
}
