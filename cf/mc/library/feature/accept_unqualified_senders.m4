divert(-1)
dnl FEATURE: senders need no host part
define(`_ACCEPT_UNQUALIFIED_SENDERS_', `1')
