_WHEN_(`_LDAP_ROUTING_', `# ---- LDAP routing. In: <parsed address> <key> <detail>; macros of the look-ups: mail host and mail routing address
SLDAPExpand
# routing address $| mail host $| parsed address $| key $| detail
R<$+> <$+> <$*>		$: $(ldapmra $2 $: $) $| $(ldapmh $2 $: $) $| $1 $| $2 $| $3
# a directory that does not answer: the message waits
R$* <TMPF> $| $* $| $+ $| $+ $| $*	$: later $| $3 $| $&{opMode} $| $&{addr_type}
R$* $| $* <TMPF> $| $+ $| $+ $| $*	$: later $| $3 $| $&{opMode} $| $&{addr_type}
ifelse(_LDAP_ROUTE_MAPTEMP_, `_TEMPFAIL_', `Rlater $| $+ $| $={SMTPOpModes} $| e r	$#error $@ 4.3.0 $: _TMPFMSG_(`OPM')', `dnl')
Rlater $| $+ $| $* $| $*	$@ $1
# this host as mail host is as good as none, but for an address without routing address it is the end of the search
R$| $=w $| $+ $| $+ $| $*	$@ $2
R$+ $| $=w $| $+ $| $+ $| $*	$: $1 $| $| $3 $| $4 $| $5
ifelse(_LDAP_ROUTE_DETAIL_, `_PRESERVE_', `R$+ @ $+ $| $* $| $+ $| $+ $| $*	$: $1 $6 @ $2 $| $3 $| $4 $| $5 $| $6', `dnl')
R$+ $| $| $+ $| $+ $| $*	$@ $>Parse0 $>canonify $1
# another mail host, with or without a routing address
define(`_TOHOST_', `ifdef(`_MAILER_TABLE_', `$>LDAPMailertable <$1>', `$`'#_RELAY_ $`'@ $1 $:')')dnl
R$+ $| $+ $| $+ $| $+ $| $*	_TOHOST_(`$2') $>canonify $1
R$| $+ $| $+ $| $+ $| $*	_TOHOST_(`$1') $2
# nothing: once more without detail, then for the whole domain
_WHEN_(`_LDAP_ROUTE_DETAIL_', `R$| $| $+ $| $+ + $* @ $+ $|	$@ $>LDAPExpand <$1> <$2 @ $4> <+$3>')
ifdef(`_LDAP_ROUTE_NODOMAIN_', `R$| $| $+ $| $+ @ $+ $| $*	$: $| $| $1 $| @ $3 $| $4', `ifelse(_LDAP_ROUTE_DETAIL_, `_PRESERVE_', `R$| $| $+ $| $+ + $* @ $+ $|	$@ $>LDAPExpand <$1> <@ $4> <+$3>
')R$| $| $+ $| $+ @ $+ $| $*	$@ $>LDAPExpand <$1> <@ $3> <$4>')
ifelse(_LDAP_ROUTING_, `_MUST_EXIST_', `# who is not in the directory does not exist
R$| $| $+ $| @ $+ $| $*	$: unknown $| $1 $| $&{addr_type}
Runknown $| $+ $| e r	$#error $@ nouser $: "550 User unknown"
_WHEN_(`_LDAP_SENDER_MUST_EXIST_', `Runknown $| $+ $| e s	$#error $@ nouser $: "550 User unknown"')
Runknown $| $+ $| $*	$@ $1', `R$| $| $+ $| @ $+ $| $*	$@ $1')')
