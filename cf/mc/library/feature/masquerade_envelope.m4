divert(-1)
dnl FEATURE: senders in envelopes are masqueraded too
define(`_MASQUERADE_ENVELOPE_', `1')
