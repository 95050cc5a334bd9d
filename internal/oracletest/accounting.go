package oracletest

import (
	"regexp"
	"strings"
)

// Account is what a message that was accepted (250, or exit status 0) left, as texts in which its recipients are looked
// for.
type Account struct {
	Mailboxes []string // names of the mailboxes and files that something was delivered to
	Peers     string   // the commands that other servers were sent: "RCPT To:<a@b>"
	Queue     string   // queue files: R lines
	Told      string   // what was printed and mailed: "a@b... reason", Final-Recipient of reports
	Log       string   // to= lines, which are the only trace of what programs took
	// Aliases are the names that stand for others.
	Aliases map[string][]string
}

// Missing returns the named recipients who are neither delivered, queued nor reported.
func (a *Account) Missing(named []string) (missing []string) {
	for _, name := range named {
		if !a.accounted(strings.ToLower(strings.TrimSpace(name)), 0) {
			missing = append(missing, name)
		}
	}
	return missing
}

func (a *Account) accounted(name string, depth int) bool {
	if name == "" || a.seen(name) {
		return true
	}
	local, _, _ := strings.Cut(name, "@")
	members := a.Aliases[local]
	if len(members) == 0 || depth > 5 {
		return false
	}
	for _, m := range members {
		if !a.accounted(strings.ToLower(m), depth+1) {
			return false
		}
	}
	return true
}

// seen reports whether there is a trace of one address.
func (a *Account) seen(name string) bool {
	local, _, _ := strings.Cut(name, "@")
	user, _, _ := strings.Cut(local, "+")
	for _, box := range a.Mailboxes {
		if strings.EqualFold(box, user) {
			return true
		}
	}
	quoted := regexp.QuoteMeta(name)
	for text, form := range map[string]string{
		a.Peers: `(?i)RCPT To:<` + quoted + `(?:@[^>]*)?>`,
		a.Queue: `(?im)^R[A-Z]*:.*` + quoted,
		a.Told:  `(?im)(?:^|<)` + quoted + `(?:@\S+)?>?\.\.\. |^Final-Recipient: .*` + quoted + `|^<?` + quoted + `(?:@\S+)?>?(?:  \(|$)`,
		a.Log:   `(?i)to=(?:[^ ]*,)?<?` + quoted + `(?:@[^ ]*)?>?,.*stat=(?:Sent|queued|Deferred)|ctladdr=<?` + quoted + `(?:@[^ ]*)?>? .*stat=(?:Sent|Deferred)`,
	} {
		if text != "" && regexp.MustCompile(form).MatchString(text) {
			return true
		}
	}
	return false
}
