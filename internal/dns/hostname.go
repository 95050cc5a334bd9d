package dns

import (
	"strconv"
	"strings"
)

// Limits of names in text (RFC 1035 section 2.3.4).
const (
	maxNameText = 253
	maxLabel    = 63
)

// IsHostName reports whether a name, in the text form of zone files and with a final dot or none, can be a host's:
// letters, digits, hyphens and underscores between dots, none of the hyphens first. These are the rules by which the C
// library takes a name from an answer (res_hnok of resolver(3)); in an answer that does not keep them there is no name.
func IsHostName(name string) bool {
	name = trimDot(name)
	if name == "" || len(name) > maxNameText || name[0] == '-' {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || strings.ContainsFunc(label, notOfHosts) {
			return false
		}
	}
	return true
}

func notOfHosts(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// isAddress reports whether the system would take a name for an IPv4 address (inet_aton(3)): up to four numbers,
// decimal, octal or hexadecimal.
func isAddress(name string) bool {
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return false
	}
	for _, p := range parts {
		if strings.Contains(p, "_") {
			return false
		}
		if _, err := strconv.ParseUint(p, 0, 32); err != nil {
			return false
		}
	}
	return true
}
