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
	what = append(what, daemonLimits(c, cf.Refused)...)
	if len(what) == 0 {
		return nil
	}
	return errors.New(strings.Join(what, "\n"))
}

// Fit returns why a server must not be made of the configuration, before anything is opened for it.
func Fit(site *Site) error {
	if _, err := newSetup(site); err != nil {
		return err
	}
	return refuse(site.Config)
}

// without tells of settings that have no effect here though somebody may count on them.
func without(c *cf.Config) []string {
	return append(c.Disregarded(cf.Told), daemonLimits(c, cf.Told)...)
}

// daemonLimits lists what DaemonPortOptions ask for and what has the effect e.
func daemonLimits(c *cf.Config, e cf.Effect) []string {
	var list []string
	for i, text := range c.Settings.DaemonPortOptions {
		d, err := ParseDaemon(text, i+1)
		if err != nil {
			continue // told where the daemons are made
		}
		for _, k := range DaemonModifiers {
			if k.Limit.Effect == e && d.Has(k.Name[0]) {
				list = append(list, fmt.Sprintf("%s: DaemonPortOptions: modifier %s of %s: %s", c.File, k.Name, d.Name, k.Limit.Why))
			}
		}
		if e == cf.Refused && d.Filters != "" {
			list = append(list, fmt.Sprintf("%s: DaemonPortOptions: InputMailFilters of %s: mail filters (milters) are not called", c.File, d.Name))
		}
	}
	return list
}
