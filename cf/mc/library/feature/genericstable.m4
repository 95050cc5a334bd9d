divert(-1)
dnl FEATURE: a table of local senders and the addresses that others see; argument: map
define(`_GENERICS_TABLE_', `')
_TABLE_(`generics', `genericstable', `generics')
