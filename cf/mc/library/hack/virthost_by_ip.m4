divert(-1)
dnl HACK: each address of this host shows a name of its own in banner, Received: and HELO
ifdef(`sm_version',, `include(_CF_DIR_`'debian/autoconf.m4)divert(-1)')
define(`confSMTP_LOGIN_MSG', `$?{if_name}${if_name}$|$j$. Sendmail $v/$Z; $b; (No UCE/UBE) $?{client_addr}logging access from: ${client_name}(${client_resolve})-$_$.')
define(`_REC_BY_', `$.by $?{if_name}${if_name}$|$j$. ($v/$Z)$?r with $r$. id $i$?{tls_version}')
define(`confRECEIVED_HEADER', `_RECEIVED_(`_REC_FULL_AUTH_')')
