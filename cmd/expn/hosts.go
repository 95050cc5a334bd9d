package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
)

// Where a user of a host that is given up may still go.
const (
	mx    = 1 << iota // another MX host
	guess             // another host of that name
)

// giveUp gives a host up: its users go elsewhere or are taken unexpanded.
func (x *expander) giveUp(host string, users []string, elsewhere int, reason string) {
	if x.given[host] == "" {
		x.given[host] = reason
		x.say(1, "%s\n", showLine(reason))
	}
	var left []string
	for _, u := range users {
		if elsewhere&mx != 0 {
			var ok bool
			if host, ok = x.fallBackMX(u, host); ok {
				continue
			}
		}
		if elsewhere&guess != 0 {
			var ok bool
			if host, ok = x.fallBackGuess(u, host); ok {
				continue
			}
		}
		left = append(left, u)
	}
	for _, u := range left {
		if x.verbose > 0 && x.valid > 0 {
			x.say(1, "%s ->\n", showLine(compact(u, host)))
		}
		x.tell(x.final(u, host, x.names[at{u, host}], reason))
	}
}

// fallBackMX sends a user to another MX host of the same preference. Where there is none, it returns the host whose MX
// host this one is.
func (x *expander) fallBackMX(u, host string) (string, bool) {
	us, old := at{u, host}, host
	if from, ok := x.fellMX[us]; ok {
		us, old = at{u, from}, from
	} else if b, ok := x.before[us]; ok && len(x.exchangers[b]) > 0 {
		old = b
	}
	list := x.exchangers[old]
	if len(list) == 0 {
		delete(x.redirect, us)
		return old, false
	}
	next := list[0]
	x.exchangers[old] = list[1:]
	if _, ok := x.before[at{u, next}]; !ok {
		if b, ok := x.before[at{u, old}]; ok {
			old = b
		}
		x.before[at{u, next}] = old
	}
	x.exchanger[x.spell(old)] = next
	x.fallen(u, us, next, old, x.fellMX)
	return host, true
}

// fallBackGuess sends a user to another host that may have been meant.
func (x *expander) fallBackGuess(u, host string) (string, bool) {
	us, old := at{u, host}, host
	if from, ok := x.fellGuess[us]; ok {
		us, old = at{u, from}, from
	}
	list := x.guesses[us]
	if len(list) == 0 {
		delete(x.redirect, us)
		return old, false
	}
	next := list[0]
	x.guesses[us] = list[1:]
	x.redirect[us] = next
	x.fallen(u, us, next, old, x.fellGuess)
	return host, true
}

// fallen notes where a user went.
func (x *expander) fallen(u string, us at, next, old string, fell map[at]string) {
	x.trace("%s of %s: falling back to %s", u, us.host, next)
	if b, ok := x.beforeLocal[us]; ok {
		x.beforeLocal[at{u, next}] = b
	}
	fell[at{u, next}] = old
	x.queue(next, u, x.names[us], x.level[us])
}

// redirected sends users on to the MX host that is known of a host, each of them once, and returns those that stay.
func (x *expander) redirected(host string, users []string) (stay []string) {
	next := x.follow(host, "")
	if x.spell(next) == x.spell(host) {
		return users
	}
	for _, u := range users {
		if _, ok := x.before[at{u, next}]; ok {
			stay = append(stay, u)
			continue
		}
		x.before[at{u, next}] = host
		x.queue(next, u, x.names[at{u, host}], 0)
	}
	return stay
}

// follow is the host to ask instead of a host, for an address or for any.
func (x *expander) follow(host, addr string) string {
	for range maxAddresses { // guesses can go in a circle
		if next, ok := x.exchanger[x.spell(host)]; ok && next != host {
			return next
		}
		next, ok := x.redirect[at{addr, host}]
		if !ok {
			next, ok = x.redirect[at{addr, x.spell(host)}]
		}
		if !ok || addr == "" {
			return host
		}
		x.trace("%s: %s instead of %s", addr, next, host)
		host = next
	}
	return host
}

// lookUpMX sends users on to a host's MX host and returns those that stay. At the last chance they do not stay but are
// given up.
func (x *expander) lookUpMX(ctx context.Context, last bool, host, reason string, users []string) (stay []string) {
	fail := func(elsewhere int, why string) []string {
		if !last {
			return users
		}
		x.giveUp(host, users, elsewhere, why)
		return nil
	}
	if users = x.redirected(host, users); len(users) == 0 {
		return nil
	}
	if _, ok := x.exchanger[host]; ok {
		return fail(mx|guess, reason)
	}
	list, err := net.DefaultResolver.LookupMX(ctx, host)
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		return fail(guess, host+": Non-existent domain")
	}
	if len(list) == 0 || strings.TrimSuffix(list[0].Host, ".") == "" {
		return fail(mx|guess, host+": Could not resolve address")
	}
	next := strings.TrimSuffix(list[0].Host, ".")
	for _, m := range list[1:] {
		if m.Pref == list[0].Pref {
			x.exchangers[host] = append(x.exchangers[host], strings.TrimSuffix(m.Host, "."))
		}
	}
	if _, err := net.DefaultResolver.LookupHost(ctx, next); err != nil {
		return fail(mx|guess, next+": could not resolve address")
	}
	x.say(x.verbose+x.watch+x.debug, "%s -> %s\n", showLine(host), showLine(next))
	x.exchanger[x.spell(host)] = next
	if users = x.redirected(host, users); len(users) > 0 {
		return fail(mx|guess, next+": only one level of mx redirect allowed")
	}
	return nil
}

// complete gives a host that a server named the server's domain if it has none, and notes what else may have been
// meant: shiva of cs.example.edu is shiva.example.edu, or shiva.cs.example.edu.
func (x *expander) complete(host, server, addr string) string {
	host, server = strings.TrimSuffix(host, "."), strings.TrimSuffix(server, ".")
	_, domain, ok := strings.Cut(server, ".")
	if !ok {
		return host
	}
	weight := map[string]int{}
	if joined := joint(host, server); joined != "" {
		weight[joined] = 9
	}
	for rest := server; strings.Contains(rest, "."); _, rest, _ = strings.Cut(rest, ".") {
		weight[host+"."+rest] = 1
	}
	weight[host+"."+server] = 2
	weight[host+"."+domain] = 6
	full := host
	if !strings.Contains(host, ".") {
		if !strings.Contains(domain, ".") {
			domain = server
		}
		full = host + "." + domain
		x.beforeLocal[at{addr, full}] = server
	}
	delete(weight, full)
	list := make([]string, 0, len(weight))
	for h := range weight {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b string) int {
		if weight[a] != weight[b] {
			return weight[b] - weight[a]
		}
		return strings.Compare(a, b)
	})
	x.guesses[at{addr, full}] = list
	x.trace("%s, named by %s: %s, or %s", host, server, full, strings.Join(list, ", "))
	return full
}

// joint puts shiva.cs and cs.example.edu together where they overlap; "" if they do not.
func joint(host, server string) string {
	host, server = strings.ToLower(host), strings.ToLower(server)
	for i := strings.LastIndexByte(host, '.'); i > 0; i = strings.LastIndexByte(host[:i], '.') {
		rest, ok := strings.CutPrefix(server, host[i+1:]+".")
		if ok && strings.Contains(rest, ".") {
			return host + "." + rest
		}
	}
	return ""
}
