package maps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gosendmail/internal/dns"
)

// maxMembers is how many maps a sequence or switch may have (MAXMAPSTACK).
const maxMembers = 12

// sequence is class sequence or switch: other maps of the set, asked in turn.
type sequence struct {
	p       *Params
	members []string
}

func parseSequence(p *Params) error {
	q := &sequence{p: p}
	p.extra = q
	names := strings.FieldsFunc(p.Args, func(r rune) bool {
		return !(r == '_' || r == '.' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
	var wrong error
	for _, m := range names {
		switch {
		case p.set.named(m) == nil && p.Line > 0: // an implied one, of option AliasFile, may name maps that follow
			wrong = errors.Join(wrong, harmless{fmt.Errorf("Sequence map %s: unknown member map %s", p.Name, m)})
		case len(q.members) >= maxMembers:
			wrong = errors.Join(wrong, harmless{fmt.Errorf("Sequence map %s: too many member maps (%d max)", p.Name, maxMembers)})
		default:
			q.members = append(q.members, m)
		}
	}
	return wrong
}

func openSequence(p *Params) (Map, error) { return p.extra.(*sequence), nil }

// checkMembers finds sequences whose members lead back to them, which a K line that repeats a name can bring about.
func (s *Set) checkMembers(e *entry) error {
	if q, ok := e.params.extra.(*sequence); ok && e.params.Line == 0 {
		for _, m := range q.members {
			if s.named(m) == nil {
				return fmt.Errorf("Sequence map %s: unknown member map %s", e.params.Name, m)
			}
		}
	}
	if s.reaches(e.params.Name, e.params.Name, map[string]bool{}) {
		return fmt.Errorf("Sequence map %s: is a member of itself", e.params.Name)
	}
	return nil
}

// reaches reports whether the sequence from has target among its members, at any depth.
func (s *Set) reaches(from, target string, seen map[string]bool) bool {
	e := s.named(from)
	if e == nil || seen[e.params.Name] {
		return false
	}
	seen[e.params.Name] = true
	q, ok := e.params.extra.(*sequence)
	if !ok {
		return false
	}
	for _, m := range q.members {
		if strings.EqualFold(m, target) || s.reaches(m, target, seen) {
			return true
		}
	}
	return false
}

// openSwitch makes a sequence of the maps name.service, as the service switch says at that moment.
func openSwitch(p *Params) (Map, error) {
	find := p.env.Switch
	if find == nil {
		find = func(service string) ([]string, error) { return dns.ServiceOrder(dns.Paths{}, service) }
	}
	services, err := find(p.Path)
	if err != nil {
		return nil, err
	}
	if len(services) > maxMembers {
		return nil, fmt.Errorf("Switch map %s: service %s has %d members", p.Name, p.Path, len(services))
	}
	q := &sequence{p: p}
	for _, s := range services {
		name := p.Name + "." + s
		switch {
		case p.set.named(name) != nil:
			q.members = append(q.members, name)
		default:
			p.tell(fmt.Sprintf("Switch map %s: unknown member map %s", p.Name, name), nil)
		}
	}
	return q, nil
}

type depthKey struct{}

// Lookup returns the first member's value. A member that fails temporarily is passed over, but when no other has the
// key, the whole failed temporarily.
func (q *sequence) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	depth, _ := ctx.Value(depthKey{}).(int)
	if depth > maxMembers {
		return "", missing(exConfig, errors.New("maps are nested too deep"))
	}
	ctx = context.WithValue(ctx, depthKey{}, depth+1)
	var failed, last error
	for _, name := range q.members {
		member := q.p.set.named(name)
		if member == nil {
			continue // told when the configuration was read
		}
		v, err := member.find(ctx, key, args)
		if err == nil {
			return v, nil
		}
		if errors.Is(err, ErrTempFail) && failed == nil {
			failed = err
		}
		last = err
	}
	switch {
	case failed != nil:
		return "", failed
	case last == nil || Status(last) == exOK:
		return "", errNoHost
	}
	return "", last
}

// Close does nothing: the members close themselves.
func (q *sequence) Close() error { return nil }
