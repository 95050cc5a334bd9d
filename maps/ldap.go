package maps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-ldap/ldap/v3"
)

// ldapMap is class ldap: searches in directories (op.txt sections 5.9 and 6.5).
type ldapMap struct {
	ldapSettings
	p     *Params
	attrs []ldapAttr // nil: all attributes
	conn  *ldapConn

	mu     sync.Mutex
	reason string // last connection failure that was reported
}

// openLDAP does not connect: that a server is away now says nothing about later.
func openLDAP(p *Params) (Map, error) {
	m := p.extra.(*ldapMap)
	m.conn = p.set.ldapConn(m)
	return m, nil
}

// ready reports whether a server can be reached.
func (m *ldapMap) ready() error {
	_, err := m.conn.get(context.Background(), m)
	m.tell(err)
	return err
}

// Close gives the connection up; other maps that share it connect again.
func (m *ldapMap) Close() error {
	m.conn.close()
	return nil
}

// Lookup searches, and searches on where the answer's attributes say so.
func (m *ldapMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	words := []string{key}
	switch {
	case m.multi:
		words = append(words, args...)
		if !m.p.NoFold {
			args = slices.Clone(args)
			for i := range args {
				args[i] = fold(args[i])
			}
		}
	case !m.p.NoFold:
		words[0] = fold(key)
	}
	w := &ldapWalk{m: m}
	err := w.run(ctx, m.fill(words))
	m.tell(err)
	switch {
	case errors.Is(err, errLDAPConnect) && m.p.Optional:
		return "", ErrNotFound
	case errors.Is(err, errLDAPMany):
		return "", errNoHost
	case err != nil:
		return "", tempFail(err)
	case !w.found:
		return "", errNoHost
	case m.p.MatchOnly:
		m.note(ctx, key, "<NULL>")
		return m.p.Result(ctx, key, "", nil), nil
	case !w.has:
		return "", ErrNotFound
	}
	m.note(ctx, key, w.value)
	return m.p.Result(ctx, key, w.value, args), nil
}

// note logs what was found.
func (m *ldapMap) note(ctx context.Context, key, value string) {
	if m.p.env.Note != nil {
		m.p.env.Note(10, macroOf(ctx, "i"), fmt.Sprintf("ldap=%s, %.100s=>%s", m.p.Name, key, value))
	}
}

// tell reports that the servers cannot be reached, once per reason, and each search that fails.
func (m *ldapMap) tell(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.reason = ""
	case errors.Is(err, errLDAPConnect) && !m.p.Optional:
		m.p.report(&m.reason, "", err)
	case !errors.Is(err, errLDAPConnect) && !errors.Is(err, errLDAPMany) && !errors.Is(err, context.Canceled):
		m.p.tell("", fmt.Errorf("Error getting LDAP results: %w", err))
	}
}

// errLDAPMany says that a map with -1 found more than one value.
var errLDAPMany = errors.New("more than one match")

// Bounds on what one look-up may lead to.
const (
	maxLDAPSteps     = 1000
	maxLDAPValue     = 1 << 20 // bytes
	maxLDAPReferrals = 5       // in a row
)

// ldapWalk is one look-up under way: a search, and those that its answers name.
type ldapWalk struct {
	m     *ldapMap
	value string
	has   bool // there is a value, be it empty
	found bool // an entry answered
	steps []*ldapStep
}

// ldapStep is an entry that was seen, or something to search for, in the order of text and kind, as the original goes about it.
type ldapStep struct {
	text string
	kind attrType
	done bool
}

// step returns the step for an attribute's value, a new one unless it is known.
func (w *ldapWalk) step(text string, kind attrType) *ldapStep {
	i, known := slices.BinarySearchFunc(w.steps, text, func(s *ldapStep, text string) int {
		if c := strings.Compare(strings.ToLower(s.text), strings.ToLower(text)); c != 0 {
			return c
		}
		return cmp.Compare(s.kind, kind)
	})
	if !known {
		w.steps = slices.Insert(w.steps, i, &ldapStep{text: text, kind: kind})
	}
	return w.steps[i]
}

// request makes a search request with the map's limits.
func (w *ldapWalk) request(base string, scope int, filter string, attrs []string) *ldap.SearchRequest {
	m := w.m
	return ldap.NewSearchRequest(base, scope, m.deref, m.sizeLimit, int(m.timeLimit.Seconds()), m.namesOnly, filter, attrs, nil)
}

// run searches with the map's filter, then follows what was found until nothing is left to follow.
func (w *ldapWalk) run(ctx context.Context, filter string) error {
	m := w.m
	base := m.base
	if !m.hasBase {
		conf, err := m.p.env.ldapConf()
		if err != nil {
			return fmt.Errorf("%w: %w", errLDAPConnect, err)
		}
		base = conf.base
	}
	names := m.attrNames()
	enough, err := w.search(ctx, w.request(base, m.scope, filter, names), false)
	for err == nil && !enough && !w.satisfied() {
		i := slices.IndexFunc(w.steps, func(s *ldapStep) bool { return !s.done })
		if i < 0 {
			return nil
		}
		if len(w.steps) > maxLDAPSteps {
			return fmt.Errorf("LDAP recursion in map %s leads to more than %d entries", m.p.Name, maxLDAPSteps)
		}
		s := w.steps[i]
		enough, err = w.follow(ctx, s, base, names)
		if err == errLDAPMany {
			err = nil // the original keeps what it has then, and drops that search's values
		}
		s.done = true
	}
	return err
}

// satisfied reports whether the first value is all that is wanted, and there.
func (w *ldapWalk) satisfied() bool { return w.has && w.m.p.Delim == 0 && !w.m.single }

func (m *ldapMap) attrNames() []string {
	var names []string
	for _, a := range m.attrs {
		names = append(names, a.name)
	}
	return names
}

// follow makes the search that an attribute's value stands for.
func (w *ldapWalk) follow(ctx context.Context, s *ldapStep, base string, names []string) (enough bool, err error) {
	switch s.kind {
	case attrDN:
		return w.search(ctx, w.request(s.text, w.m.scope, "(objectClass=*)", names), false)
	case attrFilter:
		return w.search(ctx, w.request(base, w.m.scope, normalFilter(s.text), names), false)
	}
	u, err := parseLDAPURL(s.text)
	if err != nil {
		return false, err
	}
	if u.filter == "" {
		u.filter = "(objectClass=*)"
	}
	if len(u.attrs) > 0 {
		u.attrs = append(u.attrs, "objectClass")
	}
	return w.search(ctx, w.request(u.base, u.scope, normalFilter(u.filter), u.attrs), true)
}

// search makes one search. all says that attributes beside those of -v count too. enough says that the value is complete.
func (w *ldapWalk) search(ctx context.Context, req *ldap.SearchRequest, all bool) (enough bool, err error) {
	res, err := w.m.conn.search(ctx, w.m, req)
	return w.answer(ctx, req, res, err, all, 0)
}

// answer takes what a search gave, be it before an error, and goes where referrals point to (unless -R).
func (w *ldapWalk) answer(ctx context.Context, req *ldap.SearchRequest, res *ldap.SearchResult, err error, all bool, hops int) (bool, error) {
	var refs []string
	if res != nil {
		if enough, err := w.take(res.Entries, all); enough || err != nil {
			return enough, err
		}
		refs = res.Referrals
	}
	if w.m.noChase {
		return false, err
	}
	if ldap.IsErrorWithCode(err, ldap.LDAPResultReferral) {
		if r := referrals(err); len(r) > 0 {
			refs, err = append(refs, r[0]), nil // the others are copies of the same (RFC 4511 section 4.1.10)
		}
	}
	for _, ref := range refs {
		if hops == maxLDAPReferrals {
			return false, fmt.Errorf("more than %d LDAP referrals in a row, at %.200q", maxLDAPReferrals, ref)
		}
		if enough, cerr := w.chase(ctx, ref, req, all, hops+1); enough || cerr != nil {
			return enough, cerr
		}
	}
	return false, err
}

// chase repeats a search where a referral points to, without login, as OpenLDAP's library does.
func (w *ldapWalk) chase(ctx context.Context, ref string, req *ldap.SearchRequest, all bool, hops int) (bool, error) {
	u, err := parseLDAPURL(ref)
	if err != nil {
		return false, fmt.Errorf("LDAP referral: %w", err)
	}
	next := *req
	if u.base != "" {
		next.BaseDN = u.base
	}
	if u.hasScope {
		next.Scope = u.scope
	}
	if u.filter != "" {
		next.Filter = u.filter
	}
	conn, err := w.m.connect(ctx, u.server(), false)
	if err != nil {
		return false, fmt.Errorf("LDAP referral to %.200s: %w", ref, err)
	}
	defer conn.Close()
	res, err := await(ctx, w.m.limit(), func() (*ldap.SearchResult, error) { return conn.Search(&next) })
	return w.answer(ctx, &next, res, err, all, hops)
}

// referrals returns the URLs of an answer with result code 10.
func referrals(err error) (urls []string) {
	e, ok := errors.AsType[*ldap.Error](err)
	if !ok || e.Packet == nil || len(e.Packet.Children) < 2 {
		return nil
	}
	for _, c := range e.Packet.Children[1].Children {
		if c == nil || c.Tag != 3 || len(c.Children) == 0 {
			continue
		}
		for _, u := range c.Children {
			if u != nil && u.Data != nil {
				urls = append(urls, u.Data.String())
			}
		}
	}
	return urls
}

// take reads entries in their order.
func (w *ldapWalk) take(entries []*ldap.Entry, all bool) (enough bool, err error) {
	for _, e := range entries {
		if w.satisfied() {
			return true, nil // so that how the search ends does not matter
		}
		if w.m.p.MatchOnly {
			w.found = true
			continue
		}
		s := w.step(e.DN, attrDN)
		if s.done {
			continue
		}
		if err := w.entry(e, all); err != nil {
			return false, err
		}
		s.done = true
	}
	return false, nil
}

// entry reads an entry's attributes: the first value where values are not joined (no -z), else all.
func (w *ldapWalk) entry(e *ldap.Entry, all bool) error {
	m := w.m
	for _, a := range e.Attributes {
		spec, ok := m.wanted(a.Name, all)
		if !ok || spec.kind == attrClass || spec.classes != nil && !isOf(e, spec.classes) || !m.namesOnly && len(a.Values) == 0 {
			continue
		}
		w.found = true
		if w.has && m.single && (m.p.Delim == 0 || m.namesOnly || spec.kind == attrNormal) {
			return errLDAPMany
		}
		switch {
		case m.namesOnly:
			w.append(a.Name)
		case m.p.Delim == 0:
			w.append(m.labelled(a.Name, a.Values[0]))
		case spec.kind != attrNormal:
			for _, v := range a.Values {
				w.step(v, spec.kind)
			}
		default:
			for _, v := range a.Values {
				w.append(m.labelled(a.Name, v))
			}
		}
		if m.p.Delim == 0 {
			return nil
		}
		if len(w.value) > maxLDAPValue {
			return fmt.Errorf("LDAP value of more than %d bytes in map %s", maxLDAPValue, m.p.Name)
		}
	}
	return nil
}

// append adds to the value.
func (w *ldapWalk) append(v string) {
	if w.value != "" {
		v = string([]byte{w.m.p.Delim}) + v
	}
	w.value += v
	w.has = true
}

// labelled puts the attribute's name before a value (-V).
func (m *ldapMap) labelled(name, value string) string {
	if m.attrSep == 0 {
		return value
	}
	return name + string([]byte{m.attrSep}) + value
}

// wanted finds what -v says about an attribute, whose name a server may give with options ("cn;lang-en").
func (m *ldapMap) wanted(name string, all bool) (ldapAttr, bool) {
	bare, _, _ := strings.Cut(name, ";")
	for _, a := range m.attrs {
		if strings.EqualFold(a.name, name) || strings.EqualFold(a.name, bare) {
			return a, true
		}
	}
	return ldapAttr{name: name}, all || m.attrs == nil
}

// isOf reports whether an entry is of one of the object classes.
func isOf(e *ldap.Entry, classes []string) bool {
	for _, have := range e.GetEqualFoldAttributeValues("objectClass") {
		for _, c := range classes {
			if strings.EqualFold(have, c) {
				return true
			}
		}
	}
	return false
}
