package alias

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/maps"
	"gosendmail/rules"
)

// Kind is what sort of thing an address resolved to.
type Kind uint8

const (
	Mailbox Kind = iota // delivered by its mailer as it is
	Include             // mailer *include*: User is the file of a list
	File                // mailer *file*
	Program             // mailer prog
)

// Target is what an address resolves to.
type Target struct {
	Triple  rules.Triple
	Kind    Kind
	Aliased bool   // mailer flag A: the alias maps are asked
	UserDB  bool   // mailer flag @: the user database is asked where no alias is
	Account bool   // mailer flag w: the user must have an account, whose .forward counts
	Case    bool   // mailer flag u: the user's case matters for duplicates
	Final   string // what a DSN calls the recipient, "rfc822; a@b"; "" means the address
	Problem string // what was wrong with the address and could be mended, "553 Unbalanced '\"'"; "" means nothing
}

// FileKind is what a file that Env.Open opens serves for.
type FileKind uint8

const (
	ListFile FileKind = iota
	ForwardFile
)

// Opened is a list or .forward that may be read.
type Opened struct {
	io.ReadCloser
	UID, GID int
	// Unsafe says that others than the owner can change the file: it is read, but programs and files are not taken from
	// it.
	Unsafe bool
}

// Env is what the expansion asks the mail system. Errors of Resolve are the address's failure (status.As); errors of
// Alias and Account that are not priv.ErrNotFound or ErrNotFound are temporary: the message waits.
type Env interface {
	// Resolve runs the rulesets over an address. from is the alias, list or user that named it, nil for the sender.
	Resolve(ctx context.Context, addr string, from *envelope.Recipient) (Target, error)
	// Local gives an address with mailer flag 5 that no alias took another chance (ruleset 5). ok is false where it
	// stays.
	Local(ctx context.Context, t Target) (to Target, ok bool, err error)
	// Alias looks a name up in the alias maps; ErrNotFound where it is none.
	Alias(ctx context.Context, name string) (string, error)
	// Account finds a user; priv.ErrNotFound where there is none.
	Account(ctx context.Context, name string) (priv.User, error)
	// AccountID finds a user by number.
	AccountID(ctx context.Context, uid int) (priv.User, error)
	// Forward returns the paths of option ForwardPath for a user; host is $@host, ext what followed + in the address.
	Forward(u priv.User, t rules.Triple) []string
	// Open opens a file with the rights of a user, nil meaning our own, after its safety checks.
	Open(ctx context.Context, path string, kind FileKind, as *envelope.Ctladdr) (*Opened, error)
	// ValidShell reports whether a login shell is in the list of valid ones.
	ValidShell(shell string) bool
	// Log is told what only the log needs to know.
	Log(format string, args ...any)
	// Complain is told of an address in an alias, list or .forward that was mended; place is its line,
	// "FILE: line 3: ".
	Complain(place, addr, problem string)
	// Warn logs a .forward that is not obeyed.
	Warn(format string, args ...any)
}

// ErrNotFound says that a name is no alias.
var ErrNotFound = maps.ErrNotFound

// Expander turns recipients into final ones.
type Expander struct {
	Env          Env
	MaxRecursion int               // option MaxAliasRecursion; 0 means 10
	MaxAddresses int               // of one expansion; 0 means 100,000
	MaxForward   int               // addresses in a .forward (MaxForwardAddresses); 0 means MaxAddresses
	HostName     string            // $j, in messages about shells
	NoAlias      bool              // -n: the alias maps are not asked
	KeepNotify   bool              // NOTIFY holds for the members of lists with an owner, too
	Told         func(line string) // what -v shows of aliases; nil where nobody watches
	LastFirst    bool              // the addresses of a list are met from the last to the first, as -bv shows them
	Earlier      *Memory           // recipients of the message that were expanded before; nil means none
}

// run is one expansion.
type run struct {
	*Expander
	ctx  context.Context
	all  []*envelope.Recipient
	seen []places // met, to be expanded where they can be
	last []places // to be delivered
	meta map[*envelope.Recipient]*meta
	temp error
	// place is the line of a list or .forward whose addresses are being looked at, "FILE: line 3: ".
	place string
}

// meta is what the walk knows of a recipient.
type meta struct {
	target   Target
	depth    int
	quoted   bool                  // \user: neither alias nor .forward
	name     string                // alias key, "" where it cannot be one
	unsafe   bool                  // what it names may not be a program or file: others can write the list
	shell    string                // why what it names may not be a program or file; "" where it may
	self     bool                  // named by itself
	children []*envelope.Recipient // whom it stands for
	// twin is who gets the mail instead of a duplicate.
	twin *envelope.Recipient
	// dropped says that the user database had its maildrop.
	dropped bool
}

// Expand resolves the recipients and replaces what is an alias, a list or forwarded, to the end. The result holds the
// given recipients, then those that they stand for, in the order met; replaced ones are Expanded, twins Duplicate,
// refused ones Failed with their status. Recipients that are not Pending, and their triples, stay as they are. The
// error is temporary: something could not be looked up, and the envelope has to wait as it was.
func (x *Expander) Expand(ctx context.Context, recipients []*envelope.Recipient) ([]*envelope.Recipient, error) {
	r := &run{Expander: x, ctx: ctx, seen: []places{{}}, last: []places{{}}, meta: map[*envelope.Recipient]*meta{}}
	if x.Earlier != nil {
		r.seen, r.last = append(r.seen, x.Earlier.seen), append(r.last, x.Earlier.last)
	}
	for _, rcpt := range recipients {
		if rcpt.State != envelope.Pending {
			r.all = append(r.all, rcpt)
			continue
		}
		r.add(rcpt, 0)
		if r.temp != nil {
			return nil, r.temp
		}
	}
	for _, rcpt := range recipients {
		if rcpt.State == envelope.Expanded && !r.reaches(rcpt, map[*envelope.Recipient]bool{}) {
			r.fail(rcpt, status.Unavailable, 554, noLoop, "aliasing/forwarding loop broken")
		}
	}
	return r.all, nil
}

// reaches reports whether a recipient stands for somebody who gets the mail, or is told of.
func (r *run) reaches(rcpt *envelope.Recipient, asked map[*envelope.Recipient]bool) bool {
	if asked[rcpt] {
		return false
	}
	asked[rcpt] = true
	m := r.meta[rcpt]
	switch {
	case m == nil || rcpt.State == envelope.Pending || rcpt.State == envelope.Failed:
		return true
	case rcpt.State == envelope.Duplicate:
		return m.twin == nil || r.reaches(m.twin, asked)
	}
	return slices.ContainsFunc(m.children, func(c *envelope.Recipient) bool { return r.reaches(c, asked) })
}

func (r *run) fail(rcpt *envelope.Recipient, exit, code int, e status.Enhanced, format string, args ...any) {
	rcpt.State = envelope.Failed
	rcpt.Status = status.Status{Exit: exit, Code: code, Enhanced: e, Text: fmt.Sprintf(format, args...), Place: r.place}
}

var (
	noMail   = status.Enhanced{5, 7, 1}
	noLoop   = status.Enhanced{5, 4, 6}
	noFile   = status.Enhanced{5, 2, 4}
	noUser   = status.Enhanced{5, 1, 1}
	tempFile = status.Enhanced{4, 2, 4}
)

// add resolves one address and goes on with what it stands for.
func (r *run) add(rcpt *envelope.Recipient, depth int) {
	r.all = append(r.all, rcpt)
	limit := r.MaxRecursion
	if limit == 0 {
		limit = 10
	}
	most := r.most()
	if depth > limit {
		if rcpt.Alias != nil { // who names the one that is too deep is who fails
			r.all, rcpt = r.all[:len(r.all)-1], rcpt.Alias
		}
		r.fail(rcpt, status.Unavailable, 554, noLoop, "aliasing/forwarding loop broken (%d aliases deep; %d max)", depth, limit)
		return
	}
	if len(r.all) > most {
		r.fail(rcpt, status.Unavailable, 554, noLoop, "aliasing/forwarding broken (more than %d addresses)", most)
		return
	}
	m := &meta{depth: depth}
	r.meta[rcpt] = m
	t, err := r.Env.Resolve(r.ctx, rcpt.Addr, rcpt.Alias)
	if err != nil {
		r.resolveFailed(rcpt, err)
		return
	}
	if t.Problem != "" && rcpt.Alias != nil {
		r.Env.Complain(r.place, rcpt.Addr, t.Problem)
	}
	m.target = t
	r.settle(rcpt, m)
}

// most is how many addresses an expansion may have.
func (r *run) most() int {
	if r.MaxAddresses == 0 {
		return 100000
	}
	return r.MaxAddresses
}

// resolveFailed tells failures of the address from those that pass.
func (r *run) resolveFailed(rcpt *envelope.Recipient, err error) {
	s := status.As(err)
	s.Place = r.place
	if s.Temporary() && rcpt.Alias == nil {
		r.temp = err
		return
	}
	if s.Temporary() {
		rcpt.Status = s // waits in the queue by itself
		return
	}
	rcpt.State, rcpt.Status = envelope.Failed, s
}

// settle takes a resolved address to its end.
func (r *run) settle(rcpt *envelope.Recipient, m *meta) {
	if t := &m.target; t.Account && strings.HasPrefix(t.Triple.User, `\`) {
		m.quoted = true
		t.Triple.User = t.Triple.User[1:]
	}
	rcpt.Triple = m.target.Triple
	if rcpt.Final == "" {
		rcpt.Final = m.target.Final
	}
	if !r.permitted(rcpt, m) || !r.selfReference(rcpt, m) {
		return
	}
	final := m.quoted || m.self
	if !final && isTwin(r.seen, rcpt, m) {
		if r.Told != nil {
			r.Told(r.place + rcpt.Addr + "... duplicate suppressed")
		}
		return
	}
	switch {
	case m.target.Kind == Include:
		r.include(rcpt, m)
	case m.target.Kind != Mailbox || m.quoted:
		r.checkUser(rcpt, m)
	case m.target.Aliased && !m.self && !r.NoAlias && r.alias(rcpt, m):
	case r.temp == nil && m.target.UserDB && !m.self && r.maildrop(rcpt, m):
	case r.temp == nil:
		r.local(rcpt, m)
	}
	if rcpt.State == envelope.Pending && m.target.Kind != Include {
		isTwin(r.last, rcpt, m)
	}
}

// local goes on where no alias was: ruleset 5, then the account and its .forward.
func (r *run) local(rcpt *envelope.Recipient, m *meta) {
	to, ok, err := r.Env.Local(r.ctx, m.target)
	if err != nil {
		r.resolveFailed(rcpt, err)
		return
	}
	if ok && to.Triple != m.target.Triple {
		child := &envelope.Recipient{Addr: rcpt.Addr, Alias: rcpt, Primary: rcpt.Primary, Final: rcpt.Final, Notify: rcpt.Notify, Orcpt: rcpt.Orcpt, Ctladdr: rcpt.Ctladdr, Owner: rcpt.Owner}
		rcpt.State = envelope.Expanded
		next := &meta{target: to, depth: m.depth + 1}
		r.all = append(r.all, child)
		m.children = append(m.children, child)
		r.meta[child] = next
		r.settle(child, next)
		return
	}
	u, found := r.checkUser(rcpt, m)
	if found && !(m.self && r.named(rcpt) == ForwardFile) {
		r.forward(rcpt, m, u)
	}
}

// named tells what kind of source named a recipient that names itself.
func (r *run) named(rcpt *envelope.Recipient) FileKind {
	if from := r.meta[rcpt.Alias]; rcpt.IsAlias || from != nil && from.dropped {
		return ListFile
	}
	return ForwardFile
}

// checkUser finds the account of a local recipient; found is false where none is needed, too.
func (r *run) checkUser(rcpt *envelope.Recipient, m *meta) (u priv.User, found bool) {
	if m.target.Kind != Mailbox || !m.target.Account {
		return u, false
	}
	u, err := r.Env.Account(r.ctx, m.target.Triple.User)
	switch {
	case errors.Is(err, priv.ErrNotFound):
		r.fail(rcpt, status.NoUser, 550, noUser, "User unknown")
		if m.self && !m.quoted && rcpt.IsAlias { // the alias stood for that user
			rcpt.Alias.State, rcpt.Alias.Status = rcpt.State, rcpt.Status
		}
		return u, false
	case err != nil:
		r.resolveFailed(rcpt, err)
		return u, false
	}
	// A user acts for himself, whoever named him: his mailbox is not written with the rights of the owner of a list.
	rcpt.Ctladdr = &envelope.Ctladdr{User: u.Name, UID: u.UID, GID: u.GID, Home: u.Home, Addr: rcpt.Addr}
	if rcpt.Alias != nil {
		rcpt.Ctladdr.Addr = rcpt.Alias.Addr
	}
	return u, true
}

// permitted refuses programs, files and lists that a client, or a user without a login, named.
func (r *run) permitted(rcpt *envelope.Recipient, m *meta) bool {
	var what string
	switch m.target.Kind {
	case Mailbox:
		return true
	case Include:
		what = ":include:s"
	case File:
		what = "files"
	case Program:
		what = "programs"
	}
	refuse := func(format string, args ...any) bool {
		r.fail(rcpt, status.Unavailable, 550, noMail, format, args...)
		return false
	}
	from := r.meta[rcpt.Alias]
	switch {
	case from == nil && (rcpt.Alias != nil || rcpt.Ctladdr != nil):
		return true // from the queue: an alias or .forward named it before
	case rcpt.Alias == nil || from == nil:
		return refuse("Cannot mail directly to %s", what)
	case m.target.Kind == Include:
		m.unsafe, m.shell = from.unsafe, from.shell
	case from.shell != "":
		return refuse("%s%s", from.shell, what)
	case from.unsafe:
		return refuse("Address %s is unsafe for mailing to %s", rcpt.Alias.Addr, what)
	}
	return true
}

// selfReference looks for the address among those that it came from. It may name itself (alice: alice, bob): then it is
// final. Else, in a circle of several, the first one with an account is, counted from here to the name that the message
// was sent to; without any the loop is broken here, and false returned.
func (r *run) selfReference(rcpt *envelope.Recipient, m *meta) bool {
	k := key(rcpt, m)
	var circle []*envelope.Recipient
	for p := rcpt.Alias; p != nil; p = p.Alias {
		pm := r.meta[p]
		if pm == nil { // of an earlier attempt: the queue keeps the text only
			m.self = len(circle) == 0 && sameUser(p.Addr, m.target.Triple.User)
			break
		}
		if key(p, pm) != k {
			circle = append(circle, p)
			continue
		}
		if m.target.Kind != Include && (len(circle) == 0 || m.quoted) {
			m.self = true
			return true
		}
		return r.breakCircle(rcpt, m)
	}
	return true
}

// sameUser reports whether an address names a local user.
func sameUser(addr, user string) bool {
	addr = strings.Trim(addr, "<>")
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		addr = addr[:i]
	}
	return user != "" && strings.EqualFold(addr, user)
}

func (r *run) breakCircle(rcpt *envelope.Recipient, m *meta) bool {
	for p := rcpt; p != nil; p = p.Alias {
		t := r.meta[p]
		if t == nil || t.target.Kind != Mailbox || !t.target.Account {
			continue
		}
		if _, err := r.Env.Account(r.ctx, t.target.Triple.User); err == nil {
			if p == rcpt {
				m.self, m.quoted = true, true
				return true
			}
			rcpt.Addr, rcpt.Triple, m.target, m.self, m.quoted = p.Addr, t.target.Triple, t.target, true, true
			return true
		}
	}
	if m.target.Kind == Include {
		return true // one that is read already; who stands for nobody else is told in the end
	}
	r.fail(rcpt, status.Unavailable, 554, noLoop, "aliasing/forwarding loop broken")
	return false
}

// alias asks the alias maps and reports whether the recipient was one.
func (r *run) alias(rcpt *envelope.Recipient, m *meta) bool {
	name := m.target.Triple.User
	value, err := r.Env.Alias(r.ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false
	}
	if err != nil {
		r.temp = status.Status{Exit: status.TempFail, Code: 451, Enhanced: status.Enhanced{4, 3, 0}, Text: "alias database unavailable", Err: err}
		return true
	}
	owner, err := r.owner(name)
	if err != nil {
		r.temp = err
		return true
	}
	m.name = name
	r.Env.Log("alias %s => %s", rcpt.Addr, value)
	if r.Told != nil {
		r.Told(r.place + rcpt.Addr + "... aliased to " + value)
	}
	r.children(rcpt, m, r.listed(value), owner, true, rcpt.Ctladdr)
	return true
}

// owner finds who is told of errors with a list: the alias owner-NAME, by what it stands for if that is one plain
// address.
func (r *run) owner(name string) (string, error) {
	alias := "owner-" + name
	if len(name) > 6 && strings.EqualFold(name[:6], "owner-") {
		alias = "owner-owner"
	}
	value, err := r.Env.Alias(r.ctx, alias)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(value, ",:/|\"") {
		return alias, nil
	}
	return value, nil
}

// children adds what a recipient stands for. Who stands for nobody at all is told in the end (Expand).
func (r *run) children(rcpt *envelope.Recipient, m *meta, list []listed, owner string, alias bool,
	ctl *envelope.Ctladdr) {
	rcpt.State = envelope.Expanded
	notify := rcpt.Notify
	if owner != "" && !r.KeepNotify { // what happens to the members is the owner's affair (RFC 3461 section 5.2.7.3)
		notify = 0
	}
	if owner == "" {
		owner = rcpt.Owner
	}
	alone := len(addrs(list)) == 1
	outer := r.place
	defer func() { r.place = outer }()
	for _, l := range list {
		if l.place != "" {
			r.place = l.place
		}
		if l.line != "" && r.Told != nil {
			r.Told(r.place + "sending to " + l.line)
		}
		if l.addr == "" {
			continue
		}
		child := &envelope.Recipient{Addr: l.addr, Alias: rcpt, IsAlias: alias, Ctladdr: ctl, Owner: owner,
			Notify: notify, Orcpt: rcpt.Orcpt, Final: rcpt.Final}
		child.Primary = rcpt.Primary && alone // it stands in its place
		if child.Final == "" {
			child.Final = "rfc822; " + rcpt.Addr
		}
		m.children = append(m.children, child)
		r.add(child, m.depth+1)
		if r.temp != nil {
			return
		}
	}
}

// listed is an address that another stands for, and where that is said if it is in a file.
type listed struct {
	addr  string // "" for a line without addresses
	place string
	line  string // the whole line, with its first address
}

// listed gives the addresses of a list in the order in which they are met.
func (r *run) listed(text string) (list []listed) {
	for _, addr := range SplitList(text) {
		list = append(list, listed{addr: addr})
	}
	if r.LastFirst {
		slices.Reverse(list)
	}
	return list
}

// readList gives the addresses of a list or .forward: lists of addresses, line by line, # for comments.
// A file with more than most addresses, or more than maxListBytes, is not read on: errTooLong.
func (r *run) readList(path string, in io.Reader, most int) ([]listed, error) {
	var list []listed
	in = &limitedList{in, maxListBytes}
	lines := bufio.NewReaderSize(in, 16<<10)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		list = append(list, r.listedIn(strings.TrimRight(line, "\r\n"), fmt.Sprintf("%s: line %d: ", path, number))...)
		if len(list) > most {
			return nil, fmt.Errorf("%w: more than %d addresses", errTooLong, most)
		}
		if err == io.EOF {
			return list, nil
		}
	}
}

// listedIn gives the addresses of a line of a list or .forward.
func (r *run) listedIn(line, place string) []listed {
	if line == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
		return nil
	}
	list := r.listed(line)
	if len(list) == 0 && r.Told != nil {
		list = []listed{{}}
	}
	for i := range list {
		list[i].place = place
	}
	if len(list) > 0 {
		list[0].line = line
	}
	return list
}

// maxListBytes is how much of a list or .forward is read.
const maxListBytes = 16 << 20

// errTooLong means that a list or .forward names more than may be expanded.
var errTooLong = errors.New("list is too long")

// limitedList fails where a file goes on beyond what is read of it.
type limitedList struct {
	io.Reader
	left int
}

// Read fails where the list is longer than maxListBytes.
func (l *limitedList) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", errTooLong, maxListBytes)
	}
	n, err := l.Reader.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
