package m4

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// directive is one conversion of format: what stands between % and the letter.
type directive struct {
	minus, plus, space, zero, alternate bool
	width, precision                    int  // precision -1 if not given
	size                                byte // 0, 'l', 'h' or 'H' for hh
	verb                                byte
	lost                                bool // C's printf fails: the argument is read, and nothing written
}

// Verbs that a flag or length cannot stand before.
const (
	integers = "dioxXu"
	floats   = "aAeEfFgG"
)

// formatter runs over the arguments of a call of format.
type formatter struct {
	e    *Engine
	args []Arg
	out  []byte
}

// biFormat is C's printf with the conversions d i o x X u c s a A e E f F g G and %.
func biFormat(e *Engine, args []Arg) string {
	f := &formatter{e: e, args: args[2:]}
	format := args[1].Text
	for rest := format; rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			f.out = append(f.out, rest...)
			break
		}
		f.out = append(f.out, rest[:i]...)
		rest = rest[i+1:]
		if strings.HasPrefix(rest, "%") {
			f.out = append(f.out, '%')
			rest = rest[1:]
			continue
		}
		d, tail, ok := f.parse(rest)
		rest = tail
		if !ok {
			e.Warn("Warning: unrecognized specifier in `%s'", format)
			continue
		}
		if max(d.width, d.precision) >= math.MaxInt32 {
			f.convert(directive{verb: d.verb, size: d.size, precision: -1, lost: true})
			continue
		}
		if !e.room(int64(max(d.width, d.precision)) + int64(len(f.out))) {
			return ""
		}
		f.convert(d)
	}
	return string(f.out)
}

// parse reads a directive after its %. The rest of the text follows it.
func (f *formatter) parse(s string) (d directive, rest string, ok bool) {
	bad := ""
flags:
	for ; s != ""; s = s[1:] {
		switch s[0] {
		case '\'':
			bad += "aAceEosxX" // the C locale has no separator
		case '+':
			d.plus = true
			bad += "cosuxX"
		case ' ':
			d.space = true
			bad += "cosuxX"
		case '0':
			d.zero = true
			bad += "cs"
		case '-':
			d.minus = true
		case '#':
			d.alternate = true
			bad += "cdisu"
		default:
			break flags
		}
	}
	d.width, s, _ = f.count(s)
	if d.width < 0 {
		d.minus, d.width = true, -d.width
	}
	d.precision = -1
	if strings.HasPrefix(s, ".") {
		bad += "c"
		var given bool
		if d.precision, s, given = f.count(s[1:]); given && d.precision < 0 {
			d.precision = -1
		}
	}
	switch {
	case strings.HasPrefix(s, "l"):
		d.size, s = 'l', s[1:]
		bad += "cs"
	case strings.HasPrefix(s, "hh"):
		d.size, s = 'H', s[2:]
		bad += floats + "cs"
	case strings.HasPrefix(s, "h"):
		d.size, s = 'h', s[1:]
		bad += floats + "cs"
	}
	if s == "" {
		return d, "", false
	}
	d.verb = s[0]
	ok = strings.IndexByte(integers+floats+"cs", d.verb) >= 0 && strings.IndexByte(bad, d.verb) < 0
	return d, s[1:], ok
}

// count reads a width or precision: digits, or * for an argument.
func (f *formatter) count(s string) (n int, rest string, given bool) {
	if strings.HasPrefix(s, "*") {
		return int(int32(f.integer(0))), s[1:], true
	}
	for ; s != "" && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
		n, given = min(n*10+int(s[0]-'0'), math.MaxInt32), true
	}
	return n, s, given
}

// take returns the next argument; none is as an empty one, without a warning.
func (f *formatter) take() (string, bool) {
	if len(f.args) == 0 {
		return "", false
	}
	text := f.args[0].Text
	f.args = f.args[1:]
	return text, true
}

// integer converts the next argument. One that does not fit an int is reported, unless the size is l.
func (f *formatter) integer(size byte) int64 {
	text, ok := f.take()
	if !ok {
		return 0
	}
	rest := strings.TrimLeft(text, " \t\n\v\f\r")
	n := 0
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		n = 1
	}
	start := n
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if n == start {
		n = 0
	}
	v, err := strconv.ParseInt(rest[:n], 10, 64)
	overflow := err != nil || size != 'l' && v != int64(int32(v))
	f.check(text, text[:len(text)-len(rest)+n], overflow && n > 0)
	return v
}

// float converts the next argument.
func (f *formatter) float() float64 {
	text, ok := f.take()
	if !ok {
		return 0
	}
	rest := strings.TrimLeft(text, " \t\n\v\f\r")
	n := floatLength(rest)
	v, err := strconv.ParseFloat(hexExponent(rest[:n]), 64)
	f.check(text, text[:len(text)-len(rest)+n], err != nil && n > 0)
	return v
}

// check warns about an argument of which only the part used was a number.
func (f *formatter) check(text, used string, overflow bool) {
	switch {
	case text == "":
		f.e.Warn("empty string treated as 0")
	case used != text || strings.TrimLeft(used, " \t\n\v\f\r") == "":
		f.e.Warn("non-numeric argument %s", text)
	case strings.IndexByte(" \t\n\v\f\r", text[0]) >= 0:
		f.e.Warn("leading whitespace ignored")
	case overflow:
		f.e.Warn("numeric overflow detected")
	}
}

// floatLength is the length of the number at the start of s, as C's strtod reads it.
func floatLength(s string) int {
	for n := len(s); n > 0; n-- {
		if strings.ContainsAny(s[:n], "_") {
			continue
		}
		_, err := strconv.ParseFloat(hexExponent(s[:n]), 64)
		if err == nil || isRange(err) {
			return n
		}
	}
	return 0
}

// hexExponent gives a hexadecimal number the exponent that Go wants and C does not.
func hexExponent(s string) string {
	if t := strings.TrimLeft(s, "+-"); len(t) > 2 && t[0] == '0' && t[1]|0x20 == 'x' && !strings.ContainsAny(t, "pP") {
		return s + "p0"
	}
	return s
}

func isRange(err error) bool { return strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) }

// convert writes one argument as the directive says.
func (f *formatter) convert(d directive) {
	switch {
	case d.verb == 'c':
		f.character(d, byte(f.integer(0)))
	case d.verb == 's':
		text, _ := f.take()
		if d.precision >= 0 {
			text = text[:min(len(text), d.precision)]
		}
		f.pad(d, "", text, false)
	case strings.IndexByte(integers, d.verb) >= 0:
		f.convertInteger(d, f.integer(d.size))
	default:
		f.convertFloat(d, f.float())
	}
}

// narrow cuts v to the size that the length modifier names.
func narrow(v int64, size byte) int64 {
	switch size {
	case 'l':
		return v
	case 'h':
		return int64(int16(v))
	case 'H':
		return int64(int8(v))
	}
	return int64(int32(v))
}

func (f *formatter) convertInteger(d directive, v int64) {
	v = narrow(v, d.size)
	sign, digits := "", ""
	if d.verb == 'd' || d.verb == 'i' {
		digits = strings.TrimPrefix(strconv.FormatInt(v, 10), "-")
		sign = d.sign(v < 0)
	} else {
		bits := map[byte]uint{'l': 64, 'h': 16, 'H': 8, 0: 32}[d.size]
		u := uint64(v) & (math.MaxUint64 >> (64 - bits))
		digits = strconv.FormatUint(u, map[byte]int{'o': 8, 'x': 16, 'X': 16, 'u': 10}[d.verb])
		if d.alternate && u != 0 && d.verb != 'o' {
			sign = "0x"
		}
		if d.alternate && d.verb == 'o' && digits[0] != '0' {
			d.precision = max(d.precision, len(digits)+1)
		}
	}
	if d.precision == 0 && digits == "0" && !(d.alternate && d.verb == 'o') {
		digits = ""
	}
	if d.precision > len(digits) {
		digits = strings.Repeat("0", d.precision-len(digits)) + digits
	}
	if d.verb == 'X' {
		sign, digits = strings.ToUpper(sign), strings.ToUpper(digits)
	}
	f.pad(d, sign, digits, d.zero && d.precision < 0)
}

// sign is what stands before a signed number.
func (d directive) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.space:
		return " "
	}
	return ""
}

func (f *formatter) convertFloat(d directive, v float64) {
	sign := d.sign(math.Signbit(v))
	v = math.Abs(v)
	var digits string
	zero := d.zero
	switch verb := d.verb | 0x20; {
	case math.IsInf(v, 0):
		digits, zero = "inf", false
	case math.IsNaN(v):
		digits, zero = "nan", false
	case verb == 'a':
		sign += "0x"
		digits = hexFloat(v, d.precision, d.alternate)
	case verb == 'g':
		digits = general(v, d.precision, d.alternate)
	default:
		prec := d.precision
		if prec < 0 {
			prec = 6
		}
		digits = withPoint(strconv.FormatFloat(v, verb, prec, 64), d.alternate)
	}
	if d.verb < 'a' {
		sign, digits = strings.ToUpper(sign), strings.ToUpper(digits)
	}
	f.pad(d, sign, digits, zero)
}

// withPoint adds the decimal point that the flag # wants.
func withPoint(s string, alternate bool) string {
	if !alternate || strings.IndexByte(s, '.') >= 0 {
		return s
	}
	if i := strings.IndexAny(s, "ep"); i >= 0 {
		return s[:i] + "." + s[i:]
	}
	return s + "."
}

// general is C's %g.
func general(v float64, precision int, alternate bool) string {
	if precision < 0 {
		precision = 6
	}
	precision = max(precision, 1)
	s := strconv.FormatFloat(v, 'e', precision-1, 64)
	i := strings.IndexByte(s, 'e')
	exponent, _ := strconv.Atoi(s[i+1:])
	tail := s[i:]
	s = s[:i]
	if exponent >= -4 && exponent < precision {
		s, tail = strconv.FormatFloat(v, 'f', precision-1-exponent, 64), ""
	}
	if alternate {
		return withPoint(s, true) + tail
	}
	if strings.IndexByte(s, '.') >= 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + tail
}

// hexFloat is C's %a without the 0x. Where rounding carries into the first digit C writes a 2.
func hexFloat(v float64, precision int, alternate bool) string {
	mantissa, exponent := hexParts(v, precision)
	if _, exact := hexParts(v, -1); exact != exponent {
		mantissa, exponent = "2"+mantissa[1:], exact
	}
	return withPoint(fmt.Sprintf("%sp%+d", mantissa, exponent), alternate)
}

func hexParts(v float64, precision int) (mantissa string, exponent int) {
	s := strings.TrimPrefix(strconv.FormatFloat(v, 'x', precision, 64), "0x")
	mantissa, tail, _ := strings.Cut(s, "p")
	exponent, _ = strconv.Atoi(tail)
	return mantissa, exponent
}

// character writes one byte. The byte 0 ends what C writes, so that it and padding after it are not there.
func (f *formatter) character(d directive, c byte) {
	if c != 0 {
		f.pad(d, "", string([]byte{c}), false)
	} else if !d.minus && !d.lost {
		f.out = append(f.out, strings.Repeat(" ", max(0, d.width-1))...)
	}
}

// pad writes a number or text in the field's width.
func (f *formatter) pad(d directive, sign, digits string, zero bool) {
	if d.lost {
		return
	}
	fill := max(0, d.width-len(sign)-len(digits))
	if !d.minus && !zero {
		f.out = append(f.out, strings.Repeat(" ", fill)...)
	}
	f.out = append(f.out, sign...)
	if !d.minus && zero {
		f.out = append(f.out, strings.Repeat("0", fill)...)
	}
	f.out = append(f.out, digits...)
	if d.minus {
		f.out = append(f.out, strings.Repeat(" ", fill)...)
	}
}
