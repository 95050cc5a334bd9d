package mta

import (
	"fmt"
	"strings"

	"gosendmail/cf"
)

// refuse tells of settings that cannot be obeyed and must not be passed over: mail would be let in or out that the site means
// to hold back.
func refuse(c *cf.Config) error {
	var what []string
	for _, f := range c.Filters {
		what = append(what, "mail filter (milter) "+f.Name)
	}
	o := &c.Settings
	if o.ConnectOnlyTo != "" {
		what = append(what, "option ConnectOnlyTo")
	}
	if o.StrictTransportSecurity {
		what = append(what, "option StrictTransportSecurity")
	}
	for i, text := range o.DaemonPortOptions {
		if d, err := ParseDaemon(text, i+1); err == nil && d.Has('a') {
			what = append(what, "modifier a (AUTH is required) of daemon "+d.Name)
		}
	}
	if len(what) == 0 {
		return nil
	}
	return fmt.Errorf("%s: not supported: %s", c.File, strings.Join(what, ", "))
}

// without tells of settings that have no effect here though somebody may count on them.
func without(c *cf.Config) []string {
	o := &c.Settings
	var list []string
	add := func(set bool, what string) {
		if set {
			list = append(list, what+" has no effect")
		}
	}
	add(o.HostStatusDirectory != "", "option HostStatusDirectory")
	add(o.SingleThreadDelivery, "option SingleThreadDelivery")
	add(o.ControlSocketName != "", "option ControlSocketName")
	add(o.UserDatabaseSpec != "", "option UserDatabaseSpec")
	add(o.ServerCertFile != "" || o.ClientCertFile != "", "TLS (the options of certificates)")
	add(o.AuthMechanisms != "" && o.DefaultAuthInfo != "", "AUTH (option DefaultAuthInfo)")
	add(o.SmtpUTF8, "option SmtpUTF8")
	add(!o.MeToo, "option MeToo=False")
	add(o.StatusFile != "", "option StatusFile")
	return list
}
