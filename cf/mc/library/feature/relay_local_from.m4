divert(-1)
dnl FEATURE: whoever names a local sender may relay
define(`_RELAY_LOCAL_FROM_', `1')
_CARE_(`FEATURE(relay_local_from) may make this host an open relay.
	Use SMTP AUTH or STARTTLS instead, or at least FEATURE(relay_mail_from).')
