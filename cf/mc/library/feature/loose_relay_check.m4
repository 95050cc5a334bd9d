divert(-1)
dnl FEATURE: user%host is not looked into when relaying is checked
define(`_LOOSE_RELAY_CHECK_', `1')
