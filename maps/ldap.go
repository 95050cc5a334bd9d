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
	pool  *ldapPool

	mu     sync.Mutex
	reason string // last connection failure that was reported
}

// openLDAP does not connect: that a server is away now says nothing about later.
func openLDAP(p *Params) (Map, error) {
	m := p.extra.(*ldapMap)
	m.pool = p.set.ldapPool(m)
	return m, nil
}

// ready reports whether a server can be reached.
func (m *ldapMap) ready() error {
	w, err := m.pool.get(context.Background(), m)
	m.tell(err)
	if err == nil {
		m.pool.put(w)
	}
	return err
}

// Close closes the connections; maps that share them make one for each search from then on.
func (m *ldapMap) Close() error {
	m.pool.close()
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
	walk, cancel := context.WithTimeout(ctx, 3*m.limit()) // several searches and servers; one has the limit
	defer cancel()
	w := &ldapWalk{m: m, known: map[ldapStep]bool{}}
	err := w.run(walk, m.fill(words))
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
	m.note(ctx, key, string(w.value))
	return m.p.Result(ctx, key, string(w.value), args), nil
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
	maxLDAPSteps     = 1000 // what is to be searched for, where entries name more
	maxLDAPEntries   = 20_000
	maxLDAPChases    = 20      // referrals that are followed
	maxLDAPValue     = 1 << 20 // bytes
	maxLDAPReferrals = 5       // in a row
)

// ldapWalk is one look-up under way: a search, and those that its answers name.
type ldapWalk struct {
	m     *ldapMap
	value []byte
	has   bool // there is a value, be it empty
	found bool // an entry answered

	known  map[ldapStep]bool // with texts in lower case, of maps that search on; true: done
	steps  []ldapStep        // to be searched for, in order
	chases int
}

// ldapStep is an entry, or something to search for; these are in the order of text and kind, as the original goes about
// it.
type ldapStep struct {
	text string
	kind attrType
}

func (s ldapStep) lower() ldapStep { return ldapStep{strings.ToLower(s.text), s.kind} }

// seen notes an entry; true means that it was read before.
func (w *ldapWalk) seen(dn string) (bool, error) {
	s := ldapStep{dn, attrDN}.lower()
	if w.known[s] {
		return true, nil
	}
	w.known[s] = true
	w.steps = slices.DeleteFunc(w.steps, func(o ldapStep) bool { return o.lower() == s })
	return false, w.bounded()
}

// want notes something to search for, unless it is known.
func (w *ldapWalk) want(s ldapStep) error {
	low := s.lower()
	if _, known := w.known[low]; known {
		return nil
	}
	w.known[low] = false
	i, _ := slices.BinarySearchFunc(w.steps, low, func(a, b ldapStep) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.text), b.text), cmp.Compare(a.kind, b.kind))
	})
	w.steps = slices.Insert(w.steps, i, s)
	return w.bounded()
}

// bounded ends a walk that leads too far.
func (w *ldapWalk) bounded() error {
	if len(w.steps) > maxLDAPSteps || len(w.known) > maxLDAPEntries {
		return fmt.Errorf("LDAP recursion in map %s leads to more than %d entries", w.m.p.Name, maxLDAPSteps)
	}
	return nil
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
	for done := 0; err == nil && !enough && !w.satisfied() && len(w.steps) > 0; done++ {
		if done == maxLDAPSteps {
			return fmt.Errorf("LDAP recursion in map %s leads to more than %d entries", m.p.Name, maxLDAPSteps)
		}
		s := w.steps[0]
		w.steps = w.steps[1:]
		enough, err = w.follow(ctx, s, base, names)
		if err == errLDAPMany {
			err = nil // the original keeps what it has then, and drops that search's values
		}
		w.known[s.lower()] = true
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
func (w *ldapWalk) follow(ctx context.Context, s ldapStep, base string, names []string) (enough bool, err error) {
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

// errLDAPEnough ends a search whose further entries do not matter, nor how it ends.
var errLDAPEnough = errors.New("the value is complete")

// search makes one search. all says that attributes beside those of -v count too. enough says that the value is
// complete.
func (w *ldapWalk) search(ctx context.Context, req *ldap.SearchRequest, all bool) (enough bool, err error) {
	refs, err := w.m.pool.search(ctx, w.m, req, func(e *ldapEntry) error { return w.take(e, all) })
	return w.answer(ctx, req, refs, err, all, 0)
}

// answer goes where referrals point to (unless -R).
func (w *ldapWalk) answer(ctx context.Context, req *ldap.SearchRequest, refs []string, err error, all bool, hops int) (bool, error) {
	switch {
	case err == errLDAPEnough:
		return true, nil
	case w.m.noChase:
		return false, err
	case ldap.IsErrorWithCode(err, ldap.LDAPResultReferral) && len(refs) > 0:
		err = nil
	}
	for _, ref := range refs {
		if w.chases++; hops == maxLDAPReferrals || w.chases > maxLDAPChases {
			return false, fmt.Errorf("more than %d LDAP referrals in a row, or %d in all, at %.200q", maxLDAPReferrals, maxLDAPChases, ref)
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
	wire, err := w.m.connect(ctx, u.server(), false)
	if err != nil {
		return false, fmt.Errorf("LDAP referral to %.200s: %w", ref, err)
	}
	defer wire.nc.Close()
	refs, err := wire.search(ctx, w.m.limit(), &next, func(e *ldapEntry) error { return w.take(e, all) })
	return w.answer(ctx, &next, refs, err, all, hops)
}

// take reads an entry.
func (w *ldapWalk) take(e *ldapEntry, all bool) error {
	if w.satisfied() {
		return errLDAPEnough
	}
	if w.m.p.MatchOnly {
		w.found = true
		return nil
	}
	if w.m.recursive() {
		if seen, err := w.seen(e.dn); seen || err != nil {
			return err
		}
	}
	return w.entry(e, all)
}

// recursive reports whether entries may lead to others, so that one entry may come twice.
func (m *ldapMap) recursive() bool {
	return slices.ContainsFunc(m.attrs, func(a ldapAttr) bool { return a.kind == attrDN || a.kind == attrFilter || a.kind == attrURL })
}

// entry reads an entry's attributes: the first value where values are not joined (no -z), else all.
func (w *ldapWalk) entry(e *ldapEntry, all bool) error {
	m := w.m
	for _, a := range e.attrs {
		spec, ok := m.wanted(a.name, all)
		if !ok || spec.kind == attrClass || spec.classes != nil && !isOf(e, spec.classes) || !m.namesOnly && len(a.values) == 0 {
			continue
		}
		w.found = true
		if w.has && m.single && (m.p.Delim == 0 || m.namesOnly || spec.kind == attrNormal) {
			return errLDAPMany
		}
		switch {
		case m.namesOnly:
			w.append(a.name)
		case m.p.Delim == 0:
			w.append(m.labelled(a.name, a.values[0]))
		case spec.kind != attrNormal:
			for _, v := range a.values {
				if err := w.want(ldapStep{v, spec.kind}); err != nil {
					return err
				}
			}
		default:
			for _, v := range a.values {
				w.append(m.labelled(a.name, v))
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
	if len(w.value) > 0 {
		w.value = append(w.value, w.m.p.Delim)
	}
	w.value = append(w.value, v...)
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
func isOf(e *ldapEntry, classes []string) bool {
	for _, a := range e.attrs {
		if !strings.EqualFold(a.name, "objectClass") {
			continue
		}
		for _, have := range a.values {
			if slices.ContainsFunc(classes, func(c string) bool { return strings.EqualFold(have, c) }) {
				return true
			}
		}
	}
	return false
}
