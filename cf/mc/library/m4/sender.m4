dnl check_relay and check_mail: may this client connect, may this sender be.
dnl _DEFERRED_: nothing can be looked up while delivery is deferred
define(`_DEFERRED_', `R$`'*			$: $&{deliveryMode} $| $`'1
Rd $| $`'*		$`'@ deferred
R$`'* $| $`'*		$: $`'2')dnl
dnl _TMPF_(name): a table that does not answer
define(`_TMPF_', `$`'#error $`'@ 4.3.0 $: _TMPFMSG_(`$1')')dnl
dnl _PUBLIC_(check): what the server calls; the rules of the site come first, and what they do not decide is for Basic_...
define(`_PUBLIC_', `SLocal_check_$1
Scheck`'_U_`'$1
_HEAR_(`Local_check_$1')
R$`'*			$`'@ $>"Basic_check_$1" $`'1

SBasic_check_$1')dnl
# ---- CanonAddr: an address in the form that the checks look at
SCanonAddr
R$*			ifdef(`_USE_DEPRECATED_ROUTE_ADDR_', `$:', `$@') $>Parse0 $>canonify $1
_WHEN_(`_USE_DEPRECATED_ROUTE_ADDR_', `# of a source route the first hop is the host, the rest the local part
R$* <@ $+> : $*	$: $1 <@ $2> : $| $3
R$* : $| $* @ $*	$1 : $| $2 % $3
R$* <@ $+> : $| $* : $*	$3 $1 <@ $2> : $| $4
R$* <@ $+> : $| $*	$3 $1 <@ $2>')

# ---- ParseRecipient: an address without the hosts for which this one relays; what is left may still name another host
SParseRecipient
R$*			$: $>NoDot $>CanonAddr $1
R$- <@ $*>		$: $(dequote $1 $) <@ $2>
# local part $| host $| is it one of ours?; only where the local part may name another host
R$* $=O $* <@ $*>	$: $1 $2 $3 $| $4 $| no
_WHEN_(`_RELAY_ENTIRE_DOMAIN_', `R$+ $| $* $=m $| no	$: $1 $| $2 $3 $| RELAY')
ifdef(`_RELAY_HOSTS_ONLY_', `R$+ $| $=R $| no	$: $1 $| $2 $| RELAY
_WHEN_(`_ACCESS_TABLE_', `R$+ $| $+ $| no	$: $1 $| $2 $| $(access To:$2 $: no $)
R$+ $| $+ $| no	$: $1 $| $2 $| $(access $2 $: no $)')', `R$+ $| $* $=R $| no	$: $1 $| $2 $3 $| RELAY
_WHEN_(`_ACCESS_TABLE_', `R$+ $| $+ $| no	$: $1 $| $2 $| $>D <$2> <no> <+ To> <>
R$+ $| $+ $| <$+> <>	$: $1 $| $2 $| $3')')
_WHEN_(`_RELAY_MX_SERVED_', `R$+ $| $+ $| no	$: $1 $| $2 $| $>ServedHere $2
R$+ $| $# $*		$# $2')
R$+ $| $* $| RELAY	$@ $>ParseRecipient $1
R$+ $| $* $| $*		$@ $1 <@ $2>

# ---- NoDot: an address in the inner form without the dots at the end of its host
SNoDot
R$* <@ $* .>		$1 <@ $2>

_WHEN_(`_RELAY_MX_SERVED_', `# ---- ServedHere: RELAY if this host is among the MX hosts of a domain
SServedHere
R$+			$: : $(mxserved $1 $) :
R: $* <TEMP> :		$#TEMP $@ 4.4.0 $: "450 Can not check MX records for recipient host " $1
R$* : $=w . : $*	$@ RELAY
R$*			$@ no')

_WHEN_(`_BACKWARDS_', `# ---- Backwards: the numbers of an IPv4 address in the order of its reverse zone, behind a mark; another address as it is
SBackwards
R$- . $- . $- . $-	$@ $| $4 . $3 . $2 . $1')

_WHEN_(`_ACCESS_TABLE_', `# ---- Verdict: <value of the access table> what REJECT means here; for values other than OK and RELAY
SVerdict
R<REJECT> $*		$#error $1
R<$*> $*		$: $1
RDISCARD		$#discard $: discard
RQUARANTINE : $+	$#error $@ quarantine $: $1
RERROR : $+		$: $1 $| ERROR
R$- . $- . $- : $+ $| ERROR	$#error $@ $1.$2.$3 $: $4
R$+ $| ERROR		$#error $: $1
R$+			$#error $: $1')

# ---- check_relay: client name $| client address, before the banner
_WHEN_(`_CONTROL_IMMEDIATE_', `# limits that do not wait for the first recipient
Scheck_relay
R$*			$: ifdef(`_CONN_CONTROL_IMMEDIATE_', `$>"ConnControl" ')ifdef(`_RATE_CONTROL_IMMEDIATE_', `$>"RateControl" ')connection')
SLocal_check_relay
Scheck`'_U_`'relay
_WHEN_(`_USE_CLIENT_PTR_', `R$* $| $*		$: $&{client_ptr} $| $2')
_HEAR_(`Local_check_relay')
R$*			$@ $>"Basic_check_relay" $1

SBasic_check_relay
_DEFERRED_
_WHEN_(`_ACCESS_TABLE_', `# the table knows names and addresses
R$*			$: $>PeerEntry <+ Connect> $1
R<?>			$: unknown
R<$={Accept}>		$@ $1
R<$* _ATMPF_>		_TMPF_(`CR')
R<$+>			$@ $>Verdict <$1> _REJECTION_')
_WHEN_(`_RATE_CONTROL_', `ifdef(`_RATE_CONTROL_IMMEDIATE_', `dnl', `R$*			$: $>"RateControl" connection')')
_WHEN_(`_CONN_CONTROL_', `ifdef(`_CONN_CONTROL_IMMEDIATE_', `dnl', `R$*			$: $>"ConnControl" connection')')
undivert(8)dnl
_WHEN_(`_REQUIRE_RDNS_', `# how the look-ups of name and address agree, unless it is one of the hosts for which mail is relayed
R$*			$: $&{client_resolve} $| $&{client_addr}
R$* $| $=R $*		$@ RELAY
RFAIL $| $*		$#error $@ 5.7.1 $: 550 Fix reverse DNS for $1
RTEMP $| $*		$#error $@ 4.1.8 $: 451 Client IP address $1 does not resolve
RFORGED $| $*		$#error $@ 4.1.8 $: 451 Possibly forged hostname for $1')

# ---- check_mail: the sender in MAIL
_PUBLIC_(`mail')
_DEFERRED_
_HEAR_(`tls_client', `$&{verify} $| MAIL')
_WHEN_(`_SENDER_LOGIN_', `# may this client send as this address?
R$*			$: $1 $| $>SenderLogin $1
R$* $| $# $*		$# $2
R$* $| $*		$: $1')
# reports come from the null sender
R<>			$@ <OK>
_UNLESS_(`_ACCEPT_UNQUALIFIED_SENDERS_', `# a host without domain, or localhost, is good for a client on this host only; a client without a name is this host too
R<$*>			$: $1
R$*			$: $>Hostless $&{daemon_flags} $| $1
Rown $| $*		$: $&{client_name} $| own $| $1
R$=w $| own $| $*	$: free $| $2
R$+ $| own $| $*	$#error $@ 5.5.4 $: "_CODE553 Real domain name required for sender address"
R$* $| $*		$: $2
Rown $| $*		$: $1
R$+			$: <$1>')
# from inner form $| does its domain exist: _RES_OK_, TEMP, PERM, or ? without a domain
R$*			$: ? $| $>NoDot $>CanonAddr $1
R? $| $* <@ $+>		$: from $1 <@ $2> $| ifdef(`_ACCEPT_UNRESOLVABLE_DOMAINS_', `_RES_OK_', `$>DomainState $2')
R? $| $*		$: from $1 $| ?
_WHEN_(`_ACCESS_TABLE_', `# what the access table says of the sender counts more
Rfrom $+ <@ $*> $| $+	$: from $1 <@ $2> $| $3 $| $>SearchList <+ From> $| <F:$1@$2> <U:$1@> <D:$2> <>
Rfrom $+ $| ?		$: from $1 $| ? $| $>SearchList <+ From> $| <U:$1@> <>
R$* $| $- $| <?>	$: $1 $| $2
R$* $| $- $| <$*>	$: $1 $| $3')
_UNLESS_(`_ACCEPT_UNQUALIFIED_SENDERS_', `# a sender without host: from this host, or with the daemon flag u
R$* $| ?		$: $1 $| bare $&{daemon_flags}
R$* $| bare $* u $*	$: $1 $| _RES_OK_
R$* $| bare $*		$: $1 $| bare $&{client_addr}
R$* $| bare		$@ <_RES_OK_>
R$* $| bare $*		$#error $@ 5.5.4 $: "_CODE553 Domain name required for sender address " $&f')
R$* $| TEMP		$#error $@ 4.1.8 $: "451 Domain of sender address " $&f " does not resolve"
R$* $| PERM		$#error $@ 5.1.8 $: "_CODE553 Domain of sender address " $&f " does not exist"
R$* $| ?		$: $1
R$* $| $={ResOk}	$: $1
_WHEN_(`_ACCESS_TABLE_', `R$* $| $={Accept}	$# $2
R$* $| _ATMPF_		_TMPF_(`CM')
R$* $| $+		$@ $>Verdict <$2> _REJECTION_')
_WHEN_(`_BADMX_CHK_', `Rfrom $* <@ $+> $*	$: from $1 <@ $2> $3 $| MX $>BadMX $2
R$* $| MX $# $*		$# $2')

_UNLESS_(`_ACCEPT_UNQUALIFIED_SENDERS_', `# ---- Hostless: daemon flags $| sender; own $| sender if only this host may send so, else free $| sender
dnl _OWN_(host): a sender there must be on this host
define(`_OWN_', `R$`'* $| $`'* @ $1	$`'@ own $| $`'2 @ $1')dnl
SHostless
R$* f $* $| $* @ $-	$@ own $| $3 @ $4
R$* u $* $| $*		$@ free $| $3
_OWN_(`localhost')
_OWN_(`[127.0.0.1]')
_OWN_(`[IPv6:0:0:0:0:0:0:0:1]')
_OWN_(`[IPv6:::1]')
_OWN_(`localhost.$m')
_UNLESS_(`_NO_UUCP_', `_OWN_(`localhost.UUCP')')
R$* $| $*		$@ free $| $2')

_UNLESS_(`_ACCEPT_UNRESOLVABLE_DOMAINS_', `# ---- DomainState: _RES_OK_ for a domain that exists or is not looked up, TEMP if nobody can say now, PERM
SDomainState
R$* $=P			$@ _RES_OK_
R$j			$@ _RES_OK_
R$+			$: $(resolve $1 $: <PERM> $)
R$* <$->		$@ $2')

_WHEN_(`_SENDER_LOGIN_', `# ---- SenderLogin: an error unless the client may send as this address
SSenderLogin
R<>			$: <> $&{auth_type}
R<>			$@ OK
R<> $+			$: $(senderlogin <> $: ? $)
R<$+>			$: $>NoDot $>CanonAddr $1
R$+ <@ $+>		$: $1 <@ $2> $| $(senderlogin $1@$2 $: ? $)
R$+ + $* <@ $+> $| ?	$: $1 <@ $3> $| $(senderlogin $1@$3 $: ? $)
R$+ <@ $+> $| ?		$: $1 <@ $2> $| $(senderlogin @$2 $: ? $)
R$+ <@ $=w> $| ?	$: $1 <@ $2> $| $(senderlogin $1@ $: ? $)
R$* $| $*		$: $2
R$* <TMPF>		$#error $@ 4.3.0 $: _TMPFMSG_(`SL')
R$*			$: $&{auth_type} $| $1
R$| ?			$@ OK
ifelse(_SENDER_LOGIN_, `everybody', `dnl', `# the submission program of this host hands in mail of its users
R$| $*			$: $| $&{client_addr} $| $1
R$| $| $*		$@ OK
R$| 127.0.0.1 $| $*	$@ OK
R$| IPv6:::1 $| $*	$@ OK
R$| IPv6:0:0:0:0:0:0:0:1 $| $*	$@ OK')
R$| $*			$#error $@ 5.7.1 $: "553 Sender address rejected: not logged in"
R$+ $| ?		$: $1 $|
R$+ $| $*		$: , $2 ,
R$* , $&{auth_authen} , $*	$@ OK
# a login without a realm is one of this host
R$* , $&{auth_authen} @ ifdef(`confAUTH_REALM', `confAUTH_REALM', `$j') , $*	$@ OK
R$*			$#error $@ 5.7.1 $: "553 Sender address rejected: not owned by user " $&{auth_authen}')

_WHEN_(`_BADMX_CHK_', `# the MX hosts of a domain: none may be an address or have a forbidden one
SBadMX
R$+			$: <$1> <: $(mxlist $1 $) :> <:>
R<$+> <: $* <TEMP> :> <$*>	$#error $@ 4.1.2 $: "450 MX lookup failure for "$1
R<$*> <: $+ : $*> <: $*>	<$1> <: $3> <: $4 $(badmx $2 $) :>
R<$*> <$*> <$* <BADMX> $*>	$#error $@ 5.1.2 $: "550 Illegal MX record for host "$1
R<$*> <$*> <$*>		$: <$1> <$3> <:> $| A
R<$*> <: $+ : $*> <: $*> $| A	<$1> <: $3> <: $4 $(dnsA $2 $) :> $| A
R<$*> <$*> <$*> $| A	$: <$1> <$3> <:> $| I
R<$*> <: $+ : $*> <: $*> $| I	<$1> <: $3> <: $4 $(BadMXIP $2 $) :> $| I
R<$*> <$*> <$* <BADMXIP> : $*> $| I	$#error $@ 5.1.2 $: "550 Invalid MX record for host "$1')
