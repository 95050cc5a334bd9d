divert(-1)
dnl FEATURE: MTA-STS for outgoing mail; arguments: map of policies, NO_SAN_TST
define(`_MTA_STS_', `')
define(`_NEED_MACRO_MAP_', `1')
ifelse(_ARG2_, `NO_SAN_TST',, `define(`_STS_SAN', `1')')
LOCAL_CONFIG
O StrictTransportSecurity=true
ifelse(_ARG2_, `NO_SAN_TST', `dnl', `O SetCertAltnames=true')
Ksts ifelse(defn(`_ARG_'),, `socket -d5 -T<TMPF> inet:5461@127.0.0.1', `_ARG_')
divert(-1)
