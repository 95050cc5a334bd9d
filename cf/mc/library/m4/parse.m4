dnl Rule set 0 with its halves Parse0 and Parse1, and 98: from an address to mailer, host and user.
# ---- Rule set 0: which mailer takes the mail
Sparse=0
R<@>			$#_LOCAL_ $: <@>
R$*			$: $>Parse0 $1
R$*			$: $>ParseLocal $1
R$*			$: $>Parse1 $1

# ---- Rule set 98: rules of the site in the middle of rule set 0
SParseLocal=98
undivert(3)dnl

dnl _BAD_(pattern, code, text): what cannot be an address
define(`_BAD_', `R$1	$`'#error $`'@ $2 $: "_CODE553 $3"')dnl
# ---- Parse0: refuses what cannot be an address and takes own host names off
SParse0
R<@>			$@ <@>
_BAD_(`$* : $* ; <@>', `5.1.3', `List:; syntax illegal for recipient addresses')
R@ <@ $*>		<@ $1>
_BAD_(`<@ $+>', `5.1.3', `User address required')
_BAD_(`$+ <@>', `5.1.3', `Hostname required')
R$*			$: $>HostSyntax $1
_BAD_(`$* `,' $~O $*', `5.1.3', `Invalid route address')
_WHEN_(`_STRICT_RFC821_', `_BAD_(`$* . <@ $*> $*', `5.1.2', `Local part must not end with a dot')
_BAD_(`. $* <@ $*> $*', `5.1.2', `Local part must not begin with a dot')')
# this host goes; what a character of class O reveals behind it is parsed anew
R$* <@> $*		$@ $>Parse0 $>canonify $1
R<@ $=w .> : $*		$@ $>Parse0 $>canonify $2
R$* <@ $=w .>		$: $1 <@ *LOCAL*> $| $2
R$-			$: $1 <@ *LOCAL*> $|
R$- <@ *LOCAL*> $| $*	$: $(dequote $1 $) <@ *LOCAL*> $| $2
_BAD_(`<@ *LOCAL*> $| $*', `5.1.3', `User address required')
R$* $=O $* <@ *LOCAL*> $| $*	$@ $>Parse0 $>canonify $1 $2 $3
R$* <@ *LOCAL*> $| $+	$: $1 <@ $2 .>
R$* <@ *LOCAL*> $|	$: $1
_BAD_(`<@ $+>', `5.1.3', `User address required')
R$* $=O $* <@ *LOCAL*>	$@ $>Parse0 $>canonify $1 $2 $3
R$* <@ *LOCAL*>		$: $1
_WHEN_(`_ADD_BCC_', `R$+			$: $>ParseBcc $1')
_WHEN_(`_PREFIX_MOD_', `R _PREFIX_MOD_ $+	$: $1 $(macro {rcpt_flags} $@ _PREFIX_FLAGS_ $)')

# what may stand behind the at-sign: [host1]:[host2] yes, [host]more and host:port no
SHostSyntax
R$*			$: $| $1
R$| $* <@ [$*] : $+> $*	$1 <@ [$2] : $3> $4
R$| $* <@ [$*] , $+> $*	$1 <@ [$2] , $3> $4
_BAD_(`$| $* <@ [$*] $+> $*', `5.1.2', `Invalid address')
R$| $* <@ [$+]> $*	$1 <@ [$2]> $3
_BAD_(`$| $* <$* : $*> $*', `5.1.3', `Colon illegal in host name part')
R$| $*			$1
_BAD_(`$* <@ . $*> $*', `5.1.2', `Invalid host name')
_BAD_(`$* <@ $* .. $*> $*', `5.1.2', `Invalid host name')
_BAD_(`$* <@ $* @> $*', `5.1.2', `Invalid route address')
_BAD_(`$* @ $* <@ $*> $*', `5.1.3', `Invalid route address')

# ---- Parse1: virtual users, this host, tables, gateways, smart host, in this order
SParse1
_WHEN_(`_LDAP_ROUTING_', `R$+ <@ $={LDAPRoute} .>	$: $>LDAPExpand <$1 <@ $2 .>> <$1 @ $2> <>
R$+ <@ $={LDAPRouteEquiv} .>	$: $>LDAPExpand <$1 <@ $2 .>> <$1 @ $M> <>')
_WHEN_(`_MAILER_smtp_', `# an address in brackets goes there, or to the smart host
R$* <@ [$*		$: $>ParseLocal $1 <@ [$2
R$* <@ [$+]> $*		$: $S $| [$2] $| $1 <@ [$2]> $3
R$| $+ $| $+		$#_SMTP_ $@ $1 $: $2
R$- : $* $| $+ $| $+	$#$1 $@ $2 $: $4
R$+ $| $+ $| $+		$#_SMTP_ $@ $1 $: $3')
dnl _VUSER_(mark, pattern, key, arguments, default, address): a look-up in the virtusertable while nothing is found
define(`_VUSER_', `R<$1> $2	$: <$(virtuser $3 $4 $: $5 $)> $6')dnl
_WHEN_(`_VIRTUSER_TABLE_', `# virtual users, the most exact key first
_WHEN_(`_VIRTUSER_STOP_ONE_LEVEL_RECURSION_', `R$+ <@ $+>		$: $(macro {RecipientAddress} $) $1 <@ $2>
R$+ <@ $+>		$: $1 <@ $2> $| written $>final $1 <@ $2>
R$+ $| written $+	$: $1 $(macro {RecipientAddress} $@ $2 $)')
R$+			$: <!> $1
ifdef(`_VIRTUSER_ENTIRE_DOMAIN_', `_VUSER_(`!', `$+ <@ $* $={VirtHost} .>', `$1 @ $2 $3', `$@ $1', `@', `$1 <@ $2 $3 .>')',
`_VUSER_(`!', `$+ <@ $={VirtHost} .>', `$1 @ $2', `$@ $1', `@', `$1 <@ $2 .>')')
_VUSER_(`!', `$+ <@ $=w .>', `$1 @ $2', `$@ $1', `@', `$1 <@ $2 .>')
_VUSER_(`@', `$+ + $+ <@ $* .>', `$1 + + @ $3', `$@ $1 $@ $2 $@ +$2', `@', `$1 + $2 <@ $3 .>')
_VUSER_(`@', `$+ + $* <@ $* .>', `$1 + * @ $3', `$@ $1 $@ $2 $@ +$2', `@', `$1 + $2 <@ $3 .>')
_VUSER_(`@', `$+ + $* <@ $* .>', `$1 @ $3', `$@ $1 $@ $2 $@ +$2', `@', `$1 + $2 <@ $3 .>')
_VUSER_(`@', `$+ + $+ <@ $+ .>', `+ + @ $3', `$@ $1 $@ $2 $@ +$2', `@', `$1 + $2 <@ $3 .>')
_VUSER_(`@', `$+ + $* <@ $+ .>', `+ * @ $3', `$@ $1 $@ $2 $@ +$2', `@', `$1 + $2 <@ $3 .>')
_VUSER_(`@', `$+ + $* <@ $+ .>', `@ $3', `$@ $1 $@ $2 $@ +$2', `!', `$1 + $2 <@ $3 .>')
_VUSER_(`@', `$+ <@ $+ .>', `@ $2', `$@ $1', `@', `$1 <@ $2 .>')
R<@> $+			$: $1
R<!> $+			$: $1
# the table may answer with an error
R<error : $-.$-.$- : $+> $*	$#error $@ $1.$2.$3 $: $4
R<error : $- $+> $*	$#error $@ $(dequote $1 $) $: $2
_WHEN_(`_VIRTUSER_STOP_ONE_LEVEL_RECURSION_', `R<$+> $+ <@ $+>		$: <$1> $2 <@ $3> $| $1
R<$+> $+ $| $&{RecipientAddress}	$: $>ParseLocal $>Parse0 $>canonify $1
R<$+> $+ $| $*		$: <$1> $2')
ifdef(`_NO_VIRTUSER_RECURSION_', `R<$+> $+ <@ $+>	$: $>ParseLocal $>Parse0 $>canonify $1', `R<$+> $+ <@ $+>	$: $>Recurse $1')')
_WHEN_(`_MAILER_usenet_', `R$+ . USENET <@ $=w .>	$#usenet $@ usenet $: $1')
# users of this host, or of its hub
ifdef(`_STICKY_LOCAL_DOMAIN_', `R$+ <@ $=w .>		$: $H $| $1 $| $2
R$| $+ + $* $| $+	$#_LOCAL_ $: $1 + $2
R$| $+ $| $+		$#_LOCAL_ $: @ $1
R$+ $| $+ $| $+		$>MailerToTriple <$1> $2 <@ $3 .>', `R$=L <@ $=w .>		$#_LOCAL_ $: @ $1
R$+ <@ $=w .>		$#_LOCAL_ $: $1')
_WHEN_(`_MAILER_TABLE_', `R$* <@ $+> $*		$: $2 $| $1 <@ $2> $3
R$+ . $| $*		$: $1 $| $2
R$+ $| $*		$: $>TableRoute <$1> $2')
undivert(4)dnl
define(`_VIA_', `R$`'* <@ $`'* .$1 .> $`'*	$: $>MailerToTriple <$`'$2> $`'1 <@ $`'2 .$1 .> $`'3')dnl
define(`_LINK_', `ifdef(`_CLASS_$1_', `R$`'* <@ $`'=$1 . UUCP .> $`'*	$: $>MailerToTriple <$`'$1> $`'1 <@ $`'2 .UUCP.> $`'3
')')dnl
# gateways of pseudo domains
_UNLESS_(`_NO_UUCP_', `_LINK_(`V')_LINK_(`W')_LINK_(`X')dnl')
_WHEN_(`BITNET_RELAY', `R$* <@ $+ .BITNET.> $*	$: $>MailerToTriple <$B> $1 <@ $2.BITNET.> $3')
_WHEN_(`DECNET_RELAY', `R$* <@ $+ .DECNET.> $*	$: $>MailerToTriple <$C> $1 <@ $2.DECNET.> $3')
_WHEN_(`_MAILER_pop_', `R$+ <@ POP.>		$#pop $: $1')
ifdef(`_MAILER_fax_', `R$+ <@ $+ .FAX.>	$#fax $@ $2 $: $1', `_WHEN_(`FAX_RELAY', `R$* <@ $+ .FAX.> $*	$: $>MailerToTriple <$F> $1 <@ $2.FAX.> $3')')
ifdef(`UUCP_RELAY', `_VIA_(`UUCP', `Y')', `_WHEN_(`_MAILER_uucp_', `R$* <@ $+ .UUCP.> $*	$#_UUCP_ $@ $2 $: $1 <@ $2 .UUCP.> $3')')
_WHEN_(`_MAILER_usenet_', `R$+ . USENET		$#usenet $@ usenet $: $1')
_WHEN_(`_LOCAL_RULES_', `undivert(1)dnl')
# whatever still names a host goes to the smart host, or straight there
R$* <@ $*		$: $>MailerToTriple <$S> $1 <@ $2
ifdef(`_MAILER_smtp_', `R$* <@ $*> $*		$#_SMTP_ $@ $2 $: $1 <@ $2> $3', `R$* <@ $*> $*		$#error $@ 5.1.2 $: "_CODE553 Unrecognized host name " $2')
R$=L			$#_LOCAL_ $: @ $1
R$+			$#_LOCAL_ $: $1

_WHEN_(`_ADD_BCC_', `# ---- ParseBcc: recipients of blind copies go to the mailer of macro A, if there is one
SParseBcc
R$+			$: $1 $| $&{addr_type} $| $&A
R$+ $| e b $| $+	$@ $>MailerToTriple <$2> $1
R$+ $| $* $| $*		$@ $1')
