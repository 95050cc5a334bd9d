package maps

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// logLevels are the names of syslog(3)'s priorities, most urgent first.
var logLevels = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

const levelInfo = 6

// parseSyslog reads -D, -S and -L level.
func parseSyslog(p *Params) error {
	level := levelInfo
	var wrong error
	sc := flagScanner{s: p.Args}
	for {
		letter, value := sc.next()
		switch letter {
		case 0:
			p.extra = level
			return wrong
		case 'D':
			p.Deferred = true
		case 'S':
			p.SpaceSub = firstByte(value)
		case 'L':
			name := sc.after(value)
			if level = levelOf(name); level < 0 {
				return fmt.Errorf("syslog_map_parseargs: Unknown priority %s", name)
			}
		default:
			wrong = errors.Join(wrong, illegal(letter, "syslog"))
		}
	}
}

func levelOf(name string) int {
	name = strings.TrimPrefix(strings.ToLower(name), "log_")
	for i, l := range logLevels {
		if l == name {
			return i
		}
	}
	return -1
}

// logKey is class syslog: it logs the key, with the arguments put in, and returns nothing.
func logKey(ctx context.Context, p *Params, key string, args []string) (string, error) {
	if p.env.Log != nil {
		p.env.Log(p.extra.(int), macroOf(ctx, "i"), interpolate(key, key, args))
	}
	return "", nil
}
