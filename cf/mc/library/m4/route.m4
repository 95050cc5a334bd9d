_WHEN_(`_LDAP_ROUTING_', `# ---- LDAP routing. In: <parsed address> <key> <detail>; macros of the look-ups: mail host and mail routing address
SLDAPExpand
R<$+> <$+> <$*>	$: <$(ldapmra $2 $: $)> <$(ldapmh $2 $: $)> <$1> <$2> <$3>
# a directory that does not answer: the message waits
R<$* <TMPF>> <$*> <$+> <$+> <$*>	$: $&{opMode} $| TMPF <$&{addr_type}> $| $3
R<$*> <$* <TMPF>> <$+> <$+> <$*>	$: $&{opMode} $| TMPF <$&{addr_type}> $| $3
ifelse(_LDAP_ROUTE_MAPTEMP_, `_TEMPFAIL_', `R$={SMTPOpModes} $| TMPF <e r> $| $+	$#error $@ 4.3.0 $: _TMPFMSG_(`OPM')', `dnl')
R$* $| TMPF <$*> $| $+			$@ $3
# a routing address, and no mail host but this one
ifelse(_LDAP_ROUTE_DETAIL_, `_PRESERVE_', `R<$+ @ $+> <$=w> <$+> <$+> <$*>	$@ $>Parse0 $>canonify $1 $6 @ $2
R<$+ @ $+> <> <$+> <$+> <$*>	$@ $>Parse0 $>canonify $1 $5 @ $2', `dnl')
R<$+> <$=w> <$+> <$+> <$*>	$@ $>Parse0 $>canonify $1
R<$+> <> <$+> <$+> <$*>		$@ $>Parse0 $>canonify $1
# a routing address and another mail host
define(`_TOHOST_', `ifdef(`_MAILER_TABLE_', `$>LDAPMailertable <$1>', `$`'#_RELAY_ $`'@ $1 $:')')dnl
ifelse(_LDAP_ROUTE_DETAIL_, `_PRESERVE_', `R<$+ @ $+> <$+> <$+> <$+> <$*>	_TOHOST_(`$3') $>canonify $1 $6 @ $2', `dnl')
R<$+> <$+> <$+> <$+> <$*>	_TOHOST_(`$2') $>canonify $1
# a mail host alone
R<> <$=w> <$+> <$+> <$*>	$@ $2
R<> <$+> <$+> <$+> <$*>		_TOHOST_(`$1') $2
# nothing: once more without detail, then for the whole domain
_WHEN_(`_LDAP_ROUTE_DETAIL_', `R<> <> <$+> <$+ + $* @ $+> <>	$@ $>LDAPExpand <$1> <$2 @ $4> <+$3>')
ifdef(`_LDAP_ROUTE_NODOMAIN_', `R<> <> <$+> <$+ @ $+> <$*>	$: <> <> <$1> <@ $3> <$4>', `ifelse(_LDAP_ROUTE_DETAIL_, `_PRESERVE_', `R<> <> <$+> <$+ + $* @ $+> <>	$@ $>LDAPExpand <$1> <@ $4> <+$3>
')R<> <> <$+> <$+ @ $+> <$*>	$@ $>LDAPExpand <$1> <@ $3> <$4>')
ifelse(_LDAP_ROUTING_, `_MUST_EXIST_', `# who is not in the directory does not exist
R<> <> <$+> <@ $+> <$*>		$: <?> <$&{addr_type}> <$1>
R<?> <e r> <$+>			$#error $@ nouser $: "550 User unknown"
_WHEN_(`_LDAP_SENDER_MUST_EXIST_', `R<?> <e s> <$+>			$#error $@ nouser $: "550 User unknown"')
R<?> <$*> <$+>			$@ $2', `R<> <> <$+> <@ $+> <$*>		$@ $1')')
