package mta

import (
	"errors"
	"fmt"
	"strings"

	"gosendmail/cf"
)

// refuse tells of settings that cannot be obeyed and must not be passed over: mail would be let in or out that the site means
// to hold back.
func refuse(c *cf.Config) error {
	what := c.Disregarded(cf.Refused)
	for _, f := range c.Filters {
		what = append(what, fmt.Sprintf("%s: line %d: mail filter %s: milters are not called", f.File, f.Line, f.Name))
	}
	for i, text := range c.Settings.DaemonPortOptions {
		if d, err := ParseDaemon(text, i+1); err == nil && d.Has('a') {
			what = append(what, fmt.Sprintf("%s: DaemonPortOptions: modifier a of %s: AUTH is not offered", c.File, d.Name))
		}
	}
	if len(what) == 0 {
		return nil
	}
	return errors.New(strings.Join(what, "\n"))
}
