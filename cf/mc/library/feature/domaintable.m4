divert(-1)
dnl FEATURE: a table of domains and the names that replace them; argument: map
define(`_DOMAIN_TABLE_', `')
_TABLE_(`domaintable', `domaintable', `domain')
