divert(-1)
dnl FEATURE: everybody may relay
define(`_PROMISCUOUS_RELAY_', `1')
_CARE_(`FEATURE(promiscuous_relay) makes this host an open relay.
	Never do that on the Internet!')
