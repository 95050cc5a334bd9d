package queue

import (
	"fmt"
	"strconv"
	"strings"
)

// encodeXtext writes what is not plain as +XX (RFC 3461 section 4).
func encodeXtext(s string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '+' && c != '=' }
	for i := 0; i < len(s); i++ {
		if plain(s[i]) {
			continue
		}
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			if plain(s[i]) {
				b.WriteByte(s[i])
			} else {
				fmt.Fprintf(&b, "+%02X", s[i])
			}
		}
		return b.String()
	}
	return s
}

// encodeOrcpt encodes the address of "type;address".
func encodeOrcpt(s string) string {
	if kind, addr, ok := strings.Cut(s, ";"); ok && !strings.ContainsAny(kind, "+=\n\r ") {
		return kind + ";" + encodeXtext(addr)
	}
	return encodeXtext(s)
}

// isXtext reports whether s is what encodeXtext can have written, or the original.
func isXtext(s string) bool {
	hex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+' && i+2 < len(s) && hex(s[i+1]) && hex(s[i+2]):
			i += 2
		case s[i] <= ' ' || s[i] >= 0x7f || s[i] == '+' || s[i] == '=':
			return false
		}
	}
	return true
}

// decodeXtext undoes encodeXtext; text that is no xtext is taken as it is.
func decodeXtext(s string) string {
	if strings.IndexByte(s, '+') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return s
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return s
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String()
}
