divert(-1)
dnl FEATURE: whoever names a sender that the access table marks RELAY may relay; argument: domain to look for domains too
_NEEDS_(`FEATURE(relay_mail_from)')
ifdef(`_ACCESS_TABLE_', `define(`_RELAY_DB_FROM_', `1')ifelse(_ARG_, `domain', `define(`_RELAY_DB_FROM_DOMAIN_', `1')')')
_CARE_(`FEATURE(relay_mail_from) may make this host an open relay.
	Use SMTP AUTH or STARTTLS instead.')
