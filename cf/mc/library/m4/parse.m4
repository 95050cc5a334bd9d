dnl Rule set 0 with its halves Parse0 and Parse1, and 98: from an address to mailer, host and user.
# ---- Rule set 0: which mailer takes the mail. The null address is for the local one
Sparse=0
R$*			$: parsed $| $>Parse0 $1
Rparsed $| $# $*	$# $1
Rparsed $| <@>		$#_LOCAL_ $: <@>
Rparsed $| $*		$@ $>Parse1 $>ParseLocal $1

# ---- Rule set 98: rules of the site in the middle of rule set 0
SParseLocal=98
undivert(3)dnl

dnl _BAD_(pattern, code, text): what cannot be an address
define(`_BAD_', `R$1	$`'#error $`'@ $2 $: "_CODE553 $3"')dnl
# ---- Parse0: refuses what cannot be an address and takes own host names off
SParse0
R$* <@>			$: no host $| $1
_BAD_(`no host $| $* : $* ;', `5.1.3', `List:; syntax illegal for recipient addresses')
Rno host $| @		$@ <@>
_BAD_(`no host $| $+', `5.1.3', `Hostname required')
Rno host $|		$@ <@>
# local part $| host $| what follows
R$* <@ $+> $*		$: $>HostSyntax $1 $| $2 $| $3
_BAD_(`$* `,' $~O $*', `5.1.3', `Invalid route address')
_WHEN_(`_STRICT_RFC821_', `_BAD_(`. $* $| $*', `5.1.2', `Local part must not begin with a dot')
_BAD_(`$* . $| $* $| $*', `5.1.2', `Local part must not end with a dot')')
R$* <@> $+		$@ $>Parse0 $>canonify $1
R$| $=w . $| : $*	$@ $>Parse0 $>canonify $2
# $| $| local part $| this host as the address had it, or nothing
R$-			$: $| $| $1 $|
R$* $| $=w . $|		$: $| $| $1 $| $2 .
R$| $| $- $| $*		$: $| $| $(dequote $1 $) $| $2
_BAD_(`$| $| $| $*', `5.1.3', `User address required')
R$* $| *LOCAL* $|	$: $| $| $1 $|
# what a character of class O reveals behind this host is parsed anew
R$| $| $* $=O $* $| $*	$@ $>Parse0 $>canonify $1 $2 $3
R$| $| $+ $| $+		$: $1 <@ $2>
R$| $| $+ $|		$: $1
R$* $| $+ $| $*		$: $1 <@ $2> $3
_WHEN_(`_ADD_BCC_', `R$*			$: $>BlindCopy $1')
_WHEN_(`_PREFIX_MOD_', `R _PREFIX_MOD_ $+	$: $(macro {rcpt_flags} $@ _PREFIX_FLAGS_ $) $1')

# ---- HostSyntax: local part $| host $| what follows. [host1]:[host2] may be, [host]more and host:port not
SHostSyntax
_BAD_(`$| $+ $|', `5.1.3', `User address required')
_BAD_(`@ $| $+ $|', `5.1.3', `User address required')
R$* $| [ $+		$: $>BracketSyntax $1 $| [ $2
_BAD_(`$* $| : $* $| $*', `5.1.3', `Colon illegal in host name part')
_BAD_(`$* $| $~[ $* : $* $| $*', `5.1.3', `Colon illegal in host name part')
_BAD_(`$* $| . $* $| $*', `5.1.2', `Invalid host name')
_BAD_(`$* $| $* .. $* $| $*', `5.1.2', `Invalid host name')
_BAD_(`$* $| $* @ $| $*', `5.1.2', `Invalid route address')
_BAD_(`$* @ $* $| $* $| $*', `5.1.3', `Invalid route address')

SBracketSyntax
R$* $| [$*] : $+ $| $*	$@ $1 $| [$2] : $3 $| $4
R$* $| [$*] `,' $+ $| $*	$@ $1 $| [$2] `,' $3 $| $4
_BAD_(`$* $| [$*] $+ $| $*', `5.1.2', `Invalid address')
R$* $| [$+] $| $*	$@ $1 $| [$2] $| $3
_BAD_(`$* $| $* : $* $| $*', `5.1.3', `Colon illegal in host name part')

# ---- Parse1: virtual users, this host, tables, gateways, smart host, in this order
SParse1
_WHEN_(`_LDAP_ROUTING_', `R$+ <@ $={LDAPRoute} .>	$: $>Directory $2 $| $1 <@ $2 .>
R$+ <@ $={LDAPRouteEquiv} .>	$: $>Directory $M $| $1 <@ $2 .>')
_WHEN_(`_MAILER_smtp_', `# an address in brackets goes there, or to the smart host
R$* <@ [$*		$: $>ParseLocal $1 <@ [$2
R$* <@ [$+]> $*		$: $S $| [$2] $| $1 <@ [$2]> $3
R$| $+ $| $+		$#_SMTP_ $@ $1 $: $2
R$- : $* $| $+ $| $+	$#$1 $@ $2 $: $4
R$+ $| $+ $| $+		$#_SMTP_ $@ $1 $: $3')
_WHEN_(`_VIRTUSER_TABLE_', `# address $| what the virtusertable has for it, or ?
_WHEN_(`_VIRTUSER_STOP_ONE_LEVEL_RECURSION_', `R$+ <@ $+>		$: $1 <@ $2> $| written $>final $1 <@ $2>
R$+ $| written $+	$: $1 $(macro {RecipientAddress} $@ $2 $)')
ifdef(`_VIRTUSER_ENTIRE_DOMAIN_', `R$+ <@ $* $={VirtHost} .>	$: $1 <@ $2 $3 .> $| $(virtuser $1 @ $2 $3 $@ $1 $: ? $)', `R$+ <@ $={VirtHost} .>	$: $1 <@ $2 .> $| $(virtuser $1 @ $2 $@ $1 $: ? $)')
R$+ <@ $=w .>		$: $1 <@ $2 .> $| $(virtuser $1 @ $2 $@ $1 $: ? $)
R$+ $| ?		$: $>VirtualDefaults $1
# the table may answer with an error
R$+ $| error : $- . $- . $- : $+	$#error $@ $2.$3.$4 $: $5
R$+ $| error : $- $+	$#error $@ $(dequote $2 $) $: $3
_WHEN_(`_VIRTUSER_STOP_ONE_LEVEL_RECURSION_', `R$+ $| $+		$: $1 $| $2 $| $2
R$+ $| $+ $| $&{RecipientAddress}	$: $>ParseLocal $>Parse0 $>canonify $2
R$+ $| $+ $| $*		$: $1 $| $2')
R$+ $| $+		$: ifdef(`_NO_VIRTUSER_RECURSION_', `$>ParseLocal $>Parse0 $>canonify', `$>Recurse') $2')
ifdef(`_STICKY_LOCAL_DOMAIN_', `# users of this host go to its hub
_WHEN_(`_MAILER_usenet_', `R$+ . USENET <@ $=w .>	$#usenet $@ usenet $: $1')
R$+ <@ $=w .>		$: $H $| $1 $| $2
R$| $+ + $* $| $+	$#_LOCAL_ $: $1 + $2
R$| $+ $| $+		$#_LOCAL_ $: @ $1
R$+ $| $+ $| $+		$>MailerToTriple <$1> $2 <@ $3 .>', `R$+ <@ $=w .>		$@ $>LocalUser $1')
_WHEN_(`_MAILER_TABLE_', `R$* <@ $+> $*		$: $2 $| $1 <@ $2> $3
R$+ . $| $*		$: $1 $| $2
R$+ $| $*		$: $>TableRoute <$1> $2')
undivert(4)dnl
# hosts of UUCP and of pseudo domains have gateways
dnl _LINK_(class): UUCP hosts of the class are behind the host in the macro of that name
define(`_LINK_', `ifdef(`_CLASS_$1_', `R$`'* <@ $`'=$1 . UUCP .> $`'*	$: $>UUCPLink $`'$1 $| $`'1 <@ $`'2 .UUCP.> $`'3
')')dnl
define(`_LINKED_', `ifdef(`_NO_UUCP_',, `_LINK_(`V')_LINK_(`W')_LINK_(`X')')')dnl
define(`_GATEWAYS_', ifdef(`BITNET_RELAY', 1)ifdef(`DECNET_RELAY', 1)ifdef(`FAX_RELAY', 1)ifdef(`UUCP_RELAY', 1)ifdef(`_MAILER_pop_', 1)ifdef(`_MAILER_fax_', 1))dnl
_LINKED_`'dnl
_WHEN_(`_MAILER_usenet_', `R$+ . USENET		$#usenet $@ usenet $: $1')
ifelse(_GATEWAYS_,, `dnl', `R$* <@ $* $=P .> $*	$: $>Gateway $3 $| $1 <@ $2 $3 .> $4')
_WHEN_(`_MAILER_uucp_', `ifdef(`UUCP_RELAY', `dnl', `R$* <@ $+ .UUCP.> $*	$#_UUCP_ $@ $2 $: $1 <@ $2 .UUCP.> $3')')
_WHEN_(`_LOCAL_RULES_', `undivert(1)dnl')
# whatever still names a host goes to the smart host, or straight there
# whatever still names a host goes to the smart host, or straight there
R$* <@ $*		$: $>MailerToTriple <$S> $1 <@ $2
ifdef(`_MAILER_smtp_', `R$* <@ $*> $*		$#_SMTP_ $@ $2 $: $1 <@ $2> $3', `R$* <@ $*> $*		$#error $@ 5.1.2 $: "_CODE553 Unrecognized host name " $2')
R$+			$@ $>LocalUser $1

# ---- LocalUser: users of class L are marked with an @, which says that there is no hub for them
SLocalUser
_WHEN_(`_MAILER_usenet_', `R$+ . USENET		$#usenet $@ usenet $: $1')
R$=L			$: @ $1
R$+			$#_LOCAL_ $: $1

ifelse(_GATEWAYS_,, `dnl', `dnl _RELAYED_(domain, macro): the host in the macro takes what is below the domain
define(`_RELAYED_', `R$1 $| $`'* <@ $`'+ . $1 .> $`'*	$`'@ $>MailerToTriple <$`'$2> $`'1 <@ $`'2 .$1.> $`'3')dnl
# ---- Gateway: a name of class P $| address that ends with it; where such addresses go, or the address
SGateway
_WHEN_(`BITNET_RELAY', `_RELAYED_(`BITNET', `B')')
_WHEN_(`DECNET_RELAY', `_RELAYED_(`DECNET', `C')')
_WHEN_(`_MAILER_pop_', `RPOP $| $+ <@ POP.>	$#pop $: $1')
ifdef(`_MAILER_fax_', `RFAX $| $+ <@ $+ . FAX .>	$#fax $@ $2 $: $1', `_WHEN_(`FAX_RELAY', `_RELAYED_(`FAX', `F')')')
_WHEN_(`UUCP_RELAY', `_RELAYED_(`UUCP', `Y')')
R$+ $| $*		$@ $2')
ifelse(_LINKED_,, `dnl', `
# ---- UUCPLink: host or mailer:host, or nothing $| address
SUUCPLink
R$* $| $*		$@ $>MailerToTriple <$1> $2')

_WHEN_(`_VIRTUSER_TABLE_', `dnl _NEXT_(pattern, key, arguments, mark, address): a look-up in the virtusertable while nothing is found
define(`_NEXT_', `R$1 $| ?	$: $5 $| $(virtuser $2 $3 $: $4 $)')dnl
# ---- VirtualDefaults: an address that is not in the virtusertable; the address, and what is there for its user without detail or its host
SVirtualDefaults
R$*			$: $1 $| ?
_NEXT_(`$+ + $+ <@ $+ .>', `$1++@$3', `$@ $1 $@ $2 $@ +$2', `?', `$1 + $2 <@ $3 .>')
_NEXT_(`$+ + $* <@ $+ .>', `$1+*@$3', `$@ $1 $@ $2 $@ +$2', `?', `$1 + $2 <@ $3 .>')
_NEXT_(`$+ + $* <@ $+ .>', `$1@$3', `$@ $1 $@ $2 $@ +$2', `?', `$1 + $2 <@ $3 .>')
_NEXT_(`$+ + $+ <@ $+ .>', `++@$3', `$@ $1 $@ $2 $@ +$2', `?', `$1 + $2 <@ $3 .>')
_NEXT_(`$+ + $* <@ $+ .>', `+*@$3', `$@ $1 $@ $2 $@ +$2', `?', `$1 + $2 <@ $3 .>')
_NEXT_(`$+ + $* <@ $+ .>', `@$3', `$@ $1 $@ $2 $@ +$2', `none', `$1 + $2 <@ $3 .>')
_NEXT_(`$+ <@ $+ .>', `@$2', `$@ $1', `none', `$1 <@ $2 .>')
R$+ $| none		$: $1')

_WHEN_(`_ADD_BCC_', `# ---- BlindCopy: recipients of blind copies go to the mailer of macro A, if there is one
SBlindCopy
R$+			$: $1 $| $&{addr_type} $| $&A
R$+ $| e b $| $+	$@ $>MailerToTriple <$2> $1
R$+ $| $* $| $*		$@ $1')
_WHEN_(`_LDAP_ROUTING_', `
# ---- Directory: the host that the directory knows $| address
SDirectory
R$* $| $+ <@ $+>	$: $>LDAPExpand <$2 <@ $3>> <$2 @ $1> <>')
