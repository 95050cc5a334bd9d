divert(-1)
dnl FEATURE: a directory knows mail host and routing address of each recipient; arguments: map of hosts, map of addresses, passthru or bounce or sendertoo, strip or preserve, nodomain, tempfail or queue
_NOARG_(`_ARG1_', `define(`_LDAP_ROUTING_WARN_', `yes')')
_NOARG_(`_ARG2_', `define(`_LDAP_ROUTING_WARN_', `yes')')
define(`_LDAP_ROUTING_', _NOARG_(`_ARG3_', ``_PASS_THROUGH_'', `ifelse(_ARG3_, `passthru', ``_PASS_THROUGH_'', ``_MUST_EXIST_'')'))
ifelse(_ARG3_, `sendertoo', `define(`_LDAP_SENDER_MUST_EXIST_')')
ifelse(_ARG4_, `strip', `define(`_LDAP_ROUTE_DETAIL_', `_STRIP_')', _ARG4_, `preserve', `define(`_LDAP_ROUTE_DETAIL_', `_PRESERVE_')')
_NOARG_(`_ARG5_',, `define(`_LDAP_ROUTE_NODOMAIN_', `yes')')
_NOARG_(`_ARG6_', `define(`_LDAP_ROUTE_MAPTEMP_', `_QUEUE_')', `ifelse(_ARG6_, `tempfail', `define(`_LDAP_ROUTE_MAPTEMP_', `_TEMPFAIL_')', _ARG6_, `queue', `define(`_LDAP_ROUTE_MAPTEMP_', `_QUEUE_')')')
define(`_NEED_SMTPOPMODES_', `1')
dnl _LOCALMAIL_(attribute): the usual look-up
define(`_LOCALMAIL_', `ldap -1 -T<TMPF> -v $1 -k (&(objectClass=inetLocalMailRecipient)(mailLocalAddress=%0))')
LOCAL_CONFIG
Kldapmh _NOARG_(`_ARG1_', `_LOCALMAIL_(`mailHost')', `_ARG1_')
Kldapmra _NOARG_(`_ARG2_', `_LOCALMAIL_(`mailRoutingAddress')', `_ARG2_')
divert(-1)
