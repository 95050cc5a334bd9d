divert(-1)
dnl FEATURE: class R and the access table name hosts, not domains
define(`_RELAY_HOSTS_ONLY_', `1')
