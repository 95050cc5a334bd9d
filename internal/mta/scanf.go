package mta

import "strings"

// scanf reads one string from a line by a scanf(3) pattern, as F lines have them: "%s", "%[^#]", "%*s %s"... Other
// conversions are not known to F lines. ok is false where the line does not fit.
func scanf(line, format string) (found string, ok bool) {
	for format != "" {
		c := format[0]
		switch {
		case isSpaceByte(c):
			line = strings.TrimLeft(line, blanks)
			format = format[1:]
		case c != '%' || strings.HasPrefix(format, "%%"):
			if c == '%' {
				format = format[1:]
			}
			if line == "" || line[0] != c {
				return found, ok
			}
			line, format = line[1:], format[1:]
		default:
			var conv conversion
			if conv, format = parseConversion(format[1:]); conv.kind == 0 {
				return found, ok
			}
			var text string
			if text, line = conv.take(line); text == "" {
				return found, ok
			}
			if !conv.skip {
				found, ok = text, true
			}
		}
	}
	return found, ok
}

const blanks = " \t\n\v\f\r"

func isSpaceByte(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }

// conversion is one %... of a pattern.
type conversion struct {
	kind  byte // 's' or '['; 0 is one that is not known
	skip  bool // "*": the text is not kept
	width int  // 0 means no limit
	set   [256]bool
}

func parseConversion(s string) (c conversion, rest string) {
	if strings.HasPrefix(s, "*") {
		c.skip, s = true, s[1:]
	}
	for s != "" && s[0] >= '0' && s[0] <= '9' && c.width < 1<<20 {
		c.width, s = c.width*10+int(s[0]-'0'), s[1:]
	}
	switch {
	case strings.HasPrefix(s, "s"):
		c.kind = 's'
		for i := range c.set {
			c.set[i] = !isSpaceByte(byte(i))
		}
		return c, s[1:]
	case strings.HasPrefix(s, "["):
		c.kind = '['
		return c, c.parseSet(s[1:])
	}
	return c, s
}

// parseSet reads "^abc-f]".
func (c *conversion) parseSet(s string) (rest string) {
	not := strings.HasPrefix(s, "^")
	if not {
		s = s[1:]
	}
	end := strings.IndexByte(s, ']')
	if end == 0 {
		if end = strings.IndexByte(s[1:], ']'); end >= 0 {
			end++
		}
	}
	if end < 0 {
		end = len(s)
	}
	for i := 0; i < end; i++ {
		if i+2 < end && s[i+1] == '-' && s[i] <= s[i+2] {
			for b := int(s[i]); b <= int(s[i+2]); b++ {
				c.set[b] = true
			}
			i += 2
			continue
		}
		c.set[s[i]] = true
	}
	for i := range c.set {
		c.set[i] = c.set[i] != not
	}
	return s[min(end+1, len(s)):]
}

// take reads the text that the conversion fits off line.
func (c *conversion) take(line string) (text, rest string) {
	if c.kind == 's' {
		line = strings.TrimLeft(line, blanks)
	}
	i := 0
	for i < len(line) && c.set[line[i]] && (c.width == 0 || i < c.width) {
		i++
	}
	return line[:i], line[i:]
}
