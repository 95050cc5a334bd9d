package macro

import (
	"fmt"
)

// Limits of an expansion.
const (
	MaxRecursion = 10      // macros within macros
	MaxExpansion = 1 << 16 // bytes; what goes beyond is cut off
)

// Lookup finds the value of a macro, in internal form; ok is false where it is not defined.
type Lookup func(name string) (value string, ok bool)

// Expand replaces the macros in s, a string in internal form, by their values and does the conditionals. Macros that
// are not defined vanish. The operators of rules are left in the result. The error tells that macros are nested deeper
// than MaxRecursion (a macro that names itself does that); the result is what was reached.
func Expand(s string, lookup Lookup) (string, error) {
	for depth := 0; ; depth++ {
		if !hasOperator(s) {
			return s, nil
		}
		out, brought := expandOnce(s, lookup)
		if brought == nothing {
			return out, nil
		}
		if depth >= MaxRecursion {
			return out, fmt.Errorf("expand: recursion too deep (%d max)", MaxRecursion)
		}
		if brought == operators {
			return out, nil // another pass would change nothing
		}
		s = out
	}
}

func hasOperator(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return true
		}
	}
	return false
}

// skipper is the state of the conditionals $?x yes $| no $. while a string is expanded.
type skipper struct {
	skipping bool
	inner    int // conditionals begun while skipping
	open     int // conditionals begun
}

func (k *skipper) begin(set bool) {
	k.open++
	if k.skipping {
		k.inner++
	} else {
		k.skipping = !set
	}
}

func (k *skipper) otherwise() {
	if k.inner == 0 {
		k.skipping = !k.skipping
	}
}

func (k *skipper) end() {
	k.open--
	if k.inner == 0 {
		k.skipping = false
	}
	if k.skipping {
		k.inner--
	}
}

// arrival says what values brought into an expansion.
type arrival uint8

const (
	nothing   arrival = iota
	operators         // of rules
	work              // macros or conditionals, which are to be expanded
)

// expandOnce does one pass over s.
func expandOnce(s string, lookup Lookup) (out string, brought arrival) {
	var store [usualLine]byte
	b := store[:0]
	var k skipper
	for i := 0; i < len(s) && len(b) < MaxExpansion; i++ {
		switch c := s[i]; {
		case c == Quote && i+1 < len(s):
			i++
			if !k.skipping {
				b = append(b, Quote, s[i])
			}
		case c == CondIf:
			name, _ := Unit(s[i+1:])
			i += len(name)
			value, _ := find(lookup, name)
			k.begin(value != "")
		case c == CondElse && k.open > 0:
			k.otherwise()
		case c == CondEnd && k.open > 0:
			k.end()
		case c == Interpolate:
			name, _ := Unit(s[i+1:])
			i += len(name)
			value, ok := find(lookup, name)
			if !ok || k.skipping {
				continue
			}
			b = append(b, value...)
			brought = max(brought, arrives(value))
		case !k.skipping:
			b = append(b, c)
		}
	}
	return string(b), brought
}

// find looks a macro up; the names of the operators and the digits stand for themselves.
func find(lookup Lookup, name string) (string, bool) {
	if len(name) == 1 {
		if op, ok := Operator(name[0]); ok {
			return op, true
		}
	}
	if name == "" {
		return "", false
	}
	return lookup(name)
}

// Operator returns in internal form what "$" and the character mean in rules, where that is no macro.
func Operator(c byte) (string, bool) {
	if op := opOf[c]; op != 0 {
		return string([]byte{op}), true
	}
	if c >= '0' && c <= '9' {
		return string([]byte{Repl, c}), true
	}
	return "", false
}

// arrives says what a value brings in: operators that are not quoted.
func arrives(s string) (a arrival) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == Quote:
			i++
		case c == Interpolate || c == CondIf:
			return work
		case IsOperator(c):
			a = operators
		}
	}
	return a
}
