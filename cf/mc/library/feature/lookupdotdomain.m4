divert(-1)
dnl FEATURE: the access table may have .domain for hosts below a domain
_NEEDS_(`FEATURE(lookupdotdomain)')
ifdef(`_ACCESS_TABLE_', `define(`_LOOKUPDOTDOMAIN_')')
ifdef(`_RELAY_HOSTS_ONLY_', `_CARE_(`with FEATURE(relay_hosts_only) few of the entries of FEATURE(lookupdotdomain) are seen')')
