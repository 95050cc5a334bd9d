package testmode

// Levels are the debug levels of -d by category.
type Levels [100]int

// Of returns the level of a category.
func (l *Levels) Of(category int) int {
	if category < 0 || category >= len(l) {
		return 0
	}
	return l[category]
}

// Set reads "cat.level,first-last.level"; what is left out is all categories and level 1.
func (l *Levels) Set(s string) {
	if s == "" {
		s = "0-99.1"
	}
	for s != "" {
		first, rest := number(s)
		last := first
		if rest != "" && rest[0] == '-' {
			last, rest = number(rest[1:])
		}
		level := 1
		if rest != "" && rest[0] == '.' {
			level, rest = number(rest[1:])
		}
		for c := min(first, len(l)); c <= last && c < len(l); c++ {
			l[c] = level
		}
		for rest != "" && rest[0] != ',' && rest[0] != ' ' {
			rest = rest[1:]
		}
		for rest != "" && (rest[0] == ',' || rest[0] == ' ') {
			rest = rest[1:]
		}
		s = rest
	}
}

// number reads digits; n is bounded.
func number(s string) (n int, rest string) {
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		n = min(n*10+int(s[i]-'0'), 1<<20)
	}
	return n, s[i:]
}
