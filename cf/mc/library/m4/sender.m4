dnl check_relay and check_mail: may this client connect, may this sender be.
dnl _DEFERRED_: nothing can be looked up while delivery is deferred
define(`_DEFERRED_', `R$`'*			$: <$&{deliveryMode}> $`'1
R<d> $`'*			$`'@ deferred
R<$`'*> $`'*		$: $`'2')dnl
dnl _TMPF_(name): a table that does not answer
define(`_TMPF_', `$`'#error $`'@ 4.3.0 $: _TMPFMSG_(`$1')')dnl
dnl _PUBLIC_(check): what the server calls; the rules of the site come first, and what they do not decide is for Basic_...
define(`_PUBLIC_', `SLocal_check_$1
Scheck`'_U_`'$1
R$`'*			$: $`'1 $| $>"Local_check_$1" $`'1
R$`'* $| $`'# $`'*		$`'# $`'2
R$`'* $| $`'*		$`'@ $>"Basic_check_$1" $`'1

SBasic_check_$1')dnl
# ---- CanonAddr: an address in the form that the checks look at
SCanonAddr
R$*			$: $>Parse0 $>canonify $1
_WHEN_(`_USE_DEPRECATED_ROUTE_ADDR_', `R<@ $+> : $* @ $*	<@ $1> : $2 % $3
R$* <@ $+> : $* : $*	$3 $1 <@ $2> : $4
R$* <@ $+> : $*	$3 $1 <@ $2>')

# ---- ParseRecipient: an address without the hosts for which this one relays; what is left may still name another host
SParseRecipient
R$*			$: $>CanonAddr $1
R$* <@ $* .>		$1 <@ $2>
R$- <@ $*>		$: $(dequote $1 $) <@ $2>
R$* $=O $* <@ $*>	$: NO $| $1 $2 $3 <@ $4>
_WHEN_(`_RELAY_ENTIRE_DOMAIN_', `RNO $| $* <@ $* $=m>	$: RELAY $| $1 <@ $2 $3>')
ifdef(`_RELAY_HOSTS_ONLY_', `RNO $| $* <@ $=R>	$: RELAY $| $1 <@ $2>
_WHEN_(`_ACCESS_TABLE_', `RNO $| $* <@ $+>	$: $(access To:$2 $: NO $) $| $1 <@ $2>
RNO $| $* <@ $+>	$: $(access $2 $: NO $) $| $1 <@ $2>')', `RNO $| $* <@ $* $=R>	$: RELAY $| $1 <@ $2 $3>
_WHEN_(`_ACCESS_TABLE_', `RNO $| $* <@ $+>	$: $>D <$2> <NO> <+ To> <$1 <@ $2>>
R<$+> <$+>		$: $1 $| $2')')
_WHEN_(`_RELAY_MX_SERVED_', `# this host among the MX hosts of the domain
RNO $| $* <@ $+>	$: <: $(mxserved $2 $) :> $| $1 <@ $2>
R<: $* <TEMP> :> $| $*	$#TEMP $@ 4.4.0 $: "450 Can not check MX records for recipient host " $1
R<$* : $=w . : $*> $| $*	$: RELAY $| $4
R<: $* :> $| $*		$: NO $| $2')
RRELAY $| $* <@ $*>	$@ $>ParseRecipient $1
R$+ $| $*		$@ $2

_WHEN_(`_ACCESS_TABLE_', `# ---- Verdict: what a value of the access table means that is neither OK, RELAY nor REJECT
SVerdict
R<DISCARD> $*			$#discard $: discard
R<QUARANTINE:$+> $*		$#error $@ quarantine $: $1
R<ERROR:$-.$-.$-:$+> $*		$#error $@ $1.$2.$3 $: $4
R<ERROR:$+> $*			$#error $: $1
R<$+> $*			$#error $: $1')

# ---- check_relay: client name $| client address, before the banner
_WHEN_(`_CONTROL_IMMEDIATE_', `# limits that do not wait for the first recipient
Scheck_relay
_WHEN_(`_RATE_CONTROL_IMMEDIATE_', `R$*		$: $>"RateControl" dummy')
_WHEN_(`_CONN_CONTROL_IMMEDIATE_', `R$*		$: $>"ConnControl" dummy')')
SLocal_check_relay
Scheck`'_U_`'relay
_WHEN_(`_USE_CLIENT_PTR_', `R$* $| $*		$: $&{client_ptr} $| $2')
R$*			$: $1 $| $>"Local_check_relay" $1
R$* $| $* $| $#$*	$#$3
R$* $| $* $| $*		$@ $>"Basic_check_relay" $1 $| $2

SBasic_check_relay
_DEFERRED_
_WHEN_(`_ACCESS_TABLE_', `# the table knows names and addresses
R$+ $| $+		$: $>D <$1> <?> <+ Connect> <$2>
R$| $+			$: $>A <$1> <?> <+ Connect> <>
R<?> <$+>		$: $>A <$1> <?> <+ Connect> <>
R<?> <$*>		$: OK
R<$={Accept}> <$*>	$@ $1
R<REJECT> <$*>		$#error _REJECTION_
R<$* _ATMPF_> <$*>	_TMPF_(`CR')
R<$+> <$*>		$@ $>Verdict <$1>')
_WHEN_(`_RATE_CONTROL_', `ifdef(`_RATE_CONTROL_IMMEDIATE_', `dnl', `R$*		$: $>"RateControl" dummy')')
_WHEN_(`_CONN_CONTROL_', `ifdef(`_CONN_CONTROL_IMMEDIATE_', `dnl', `R$*		$: $>"ConnControl" dummy')')
undivert(8)dnl
_WHEN_(`_REQUIRE_RDNS_', `R$*			$: $&{client_addr} $| $&{client_resolve}
R$=R $*			$@ RELAY
R$* $| OK		$@ OK
R$* $| FAIL		$#error $@ 5.7.1 $: 550 Fix reverse DNS for $1
R$* $| TEMP		$#error $@ 4.1.8 $: 451 Client IP address $1 does not resolve
R$* $| FORGED		$#error $@ 4.1.8 $: 451 Possibly forged hostname for $1')

# ---- check_mail: the sender in MAIL
_PUBLIC_(`mail')
_DEFERRED_
R$*			$: $1 $| $>"tls_client" $&{verify} $| MAIL
R$* $| $#$+		$#$2
R$* $| $*		$: $1
# reports come from the null sender
R<>			$@ <OK>
dnl _OWN_(host): a sender there must be on this host
define(`_OWN_', `R$`'* $| $`'* @ $1	$: <$&{client_name}> $`'2 @ $1')dnl
_UNLESS_(`_ACCEPT_UNQUALIFIED_SENDERS_', `# a host without domain, or localhost, is good for a client on this host only
R<$+>			$: $1
R$+			$: $&{daemon_flags} $| $1
R$* f $* $| $* @ $-	$: <$&{client_name}> $3 @ $4
R$* u $* $| $*		$: <> $3
_OWN_(`localhost')
_OWN_(`[127.0.0.1]')
_OWN_(`[IPv6:0:0:0:0:0:0:0:1]')
_OWN_(`[IPv6:::1]')
_OWN_(`localhost.$m')
_UNLESS_(`_NO_UUCP_', `_OWN_(`localhost.UUCP')')
R$* $| $*		$: <> $2
R<> $*			$: $| $1
R<$=w> $*		$: $| $2
R<$+> $+		$#error $@ 5.5.4 $: "_CODE553 Real domain name required for sender address"
R$| $+			$: <$1>
R$|			$:')
# does the domain exist
R$*			$: <?> $>CanonAddr $1
R<?> $* <@ $+ .>	<?> $1 <@ $2>
R<?> $* <@ $* $=P>	$: <_RES_OK_> $1 <@ $2 $3>
R<?> $* <@ $j>		$: <_RES_OK_> $1 <@ $j>
ifdef(`_ACCEPT_UNRESOLVABLE_DOMAINS_', `R<?> $* <@ $+>		$: <_RES_OK_> $1 <@ $2>', `R<?> $* <@ $+>		$: $(resolve $2 $: $2 <PERM> $) $| $1 <@ $2>
R$* <$-> $| $*		$: <$2> $3')
_WHEN_(`_ACCESS_TABLE_', `# what does the access table say
R<$+> $+ <@ $*>		$: <F:$2@$3> <U:$2@> <D:$3> $| <$1> $2 <@ $3>
R<?> $+			$: <U:$1@> $| <?> $1
R$+ $| <$+> $*		$: <$2> $3 $| $>SearchList <+ From> $| $1 <>
R<$+> $* $| <?>		$: <$1> $2
R<$+> $* $| <$*>	$: <$3> $2')
_UNLESS_(`_ACCEPT_UNQUALIFIED_SENDERS_', `# a sender without host
R<?> $*			$: $&{daemon_flags} $| <$&{client_addr}> $1
R$* u $* $| <$*> $*	$: <_RES_OK_> $4
R$* $| <> $*		$@ <_RES_OK_>
R$* $| <$*> $*		$#error $@ 5.5.4 $: "_CODE553 Domain name required for sender address " $&f')
R<?> $*			$: @ $1
R<$={ResOk}> $*		$: @ $2
R<TEMP> $*		$#error $@ 4.1.8 $: "451 Domain of sender address " $&f " does not resolve"
R<PERM> $*		$#error $@ 5.1.8 $: "_CODE553 Domain of sender address " $&f " does not exist"
_WHEN_(`_ACCESS_TABLE_', `R<$={Accept}> $*	$# $1
R<REJECT> $*		$#error _REJECTION_
R<_ATMPF_> $*		_TMPF_(`CM')
R<$+> $*		$: $>Verdict <$1>')
_WHEN_(`_BADMX_CHK_', `R@ $* <@ $+> $*		$: $1 <@ $2> $3 $| $>BadMX $2
R$* $| $#$*		$#$2

# the MX hosts of a domain: none may be an address or have a forbidden one
SBadMX
R$+			$: <$1> <: $(mxlist $1 $) :> <:>
R<$+> <: $* <TEMP> :> <$*>	$#error $@ 4.1.2 $: "450 MX lookup failure for "$1
R<$*> <: $+ : $*> <: $*>	<$1> <: $3> <: $4 $(badmx $2 $) :>
R<$*> <$*> <$* <BADMX> : $*>	$#error $@ 5.1.2 $: "550 Illegal MX record for host "$1
R<$*> <$*> <$*>		$: <$1> <$3> <:> $| A
R<$*> <: $+ : $*> <: $*> $| A	<$1> <: $3> <: $4 $(dnsA $2 $) :> $| A
R<$*> <$*> <$*> $| A	$: <$1> <$3> <:> $| I
R<$*> <: $+ : $*> <: $*> $| I	<$1> <: $3> <: $4 $(BadMXIP $2 $) :> $| I
R<$*> <$*> <$* <BADMXIP> : $*> $| I	$#error $@ 5.1.2 $: "550 Invalid MX record for host "$1')
