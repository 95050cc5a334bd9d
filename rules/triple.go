package rules

// Triple is what ruleset 0 resolves an address to: $#mailer $@host $:user.
type Triple struct{ Mailer, Host, User string }
