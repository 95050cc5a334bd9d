divert(-1)
dnl FEATURE: hosts of the own domain (class m) may relay
define(`_RELAY_ENTIRE_DOMAIN_', `1')
