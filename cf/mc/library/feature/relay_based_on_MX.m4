divert(-1)
dnl FEATURE: relays to domains that have this host as MX
define(`_RELAY_MX_SERVED_', `1')
LOCAL_CONFIG
Kmxserved bestmx -z: -T<TEMP>
divert(-1)
