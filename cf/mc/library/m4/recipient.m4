dnl check_rcpt: may this client send to this recipient. First the recipient is asked, then the client.
# ---- check_rcpt: the recipient in RCPT
_PUBLIC_(`rcpt')
R<>			$:
R$@			$#error $@ nouser $: "553 User address required"
_DEFERRED_
_WHEN_(`_REQUIRE_QUAL_RCPT_', `# with the daemon flag r a recipient needs a full domain, but postmaster
R<$+>			$: $1
R$+			$: $&{daemon_flags} $| $1
R$* $| postmaster	$: <> postmaster
R$* $| $* @ $+ . $+	$: <> <$2 @ $3 . $4>
R$* r $* $| $+ @ $+	$: <> <$3 @ $4>
R$* r $* $| $*		$: <$&{client_name}> <$3>
R$* $| $*		$: <> <$2>
R<$=w> <$*>		$: <> <$2>
R<$+> <$+>		$#error $@ 5.5.4 $: "553 Fully qualified domain name required"
R<> $*			$: $1')
# Rcpt_ok and Relay_ok answer RELAY, $#TEMP while the other may still say yes, any other $# for good, or nothing
R$*			$: <$1> $>"Rcpt_ok" $1
R<$*> RELAY		$@ RELAY
R<$*> $# TEMP $+	$: later $2
R<$*> $# $*		$# $2
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `R<$*> $*		$: no
Rlater $+		$: $1 $| $>"Relay_ok" client
Rno			$: $| $>"Relay_ok" client
R$* $| RELAY		$@ RELAY
R$* $| $# TEMP $+	$# error $2
R$* $| $# $*		$# $2
R$+ $| $*		$# error $1
R$*			$#error $@ 5.7.1 $: confRELAY_MSG')

# ---- Rcpt_ok: is the recipient ours
SRcpt_ok
ifdef(`_LOOSE_RELAY_CHECK_', `R$*			$: $>CanonAddr $1
R$* <@ $* .>		$1 <@ $2>', `R$*			$: $>ParseRecipient $1')
_WHEN_(`_BESTMX_IS_LOCAL_', `# a domain whose best MX is this host is this host
ifelse(_BESTMX_IS_LOCAL_,, `R$* <@ $*> $*			$: $1 <@ $2 @@ $(bestmx $2 $)> $3', `R$* <@ $* $=B> $*		$: $1 <@ $2 $3 @@ $(bestmx $2 $3 $)> $4')
R$* $=O $* <@ $* @@ $=w .> $*	$@ $>"Rcpt_ok" $1 $2 $3
R$* <@ $* @@ $=w .> $*	$: $1 <@ $3> $4
R$* <@ $* @@ $*> $*	$: $1 <@ $2> $4')
_WHEN_(`_BLOCKLIST_RCPT_', `_WHEN_(`_ACCESS_TABLE_', `# recipients that the access table refuses; bare local parts count for own hosts only
R$*			$: ? $| $1
R? $| $+ <@ $=w>	$: <F:$1@$2> <U:$1@> <D:$2> $| $1 <@ $2>
R? $| $+ <@ $*>		$: <F:$1@$2> <D:$2> $| $1 <@ $2>
R? $| $+		$: <U:$1@> $| $1
R<$+> $| $*		$: $2 $| $>SearchList <+ To> $| <$1> <>
R$* $| <?>		$: @ $1
R$* $| <$={Accept}>	$: @ $1
_WHEN_(`_ACCESS_SKIP_', `R$* $| <SKIP>		$: @ $1')
_WHEN_(`_DELAY_COMPAT_8_10_', `R$* $| <$={SpamTag}>	$: @ $1')
R$* $| <REJECT>		$#error $@ 5.2.1 $: confRCPTREJ_MSG
R$* $| <_ATMPF_>	_TMPF_(`ROK1')
R$* $| <$+>		$: $>Verdict <$2>
R@ $*			$: $1')')
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `# clients that have shown who they are
R$*			$: $1 $| $>"Shown" client
R$* $| $# $*		$# $2
R$* $| $*		$: $1
ifelse(defn(`_NO_UUCP_'), `r', `R$* ! $* <@ $*>	$: <REMOTE> $2 <@ BANG_PATH>
R$* ! $*		$: <REMOTE> $2 <@ BANG_PATH>', `dnl')
ifelse(defn(`_NO_PERCENTHACK_'), `r', `R$* % $* <@ $*>	$: <REMOTE> $1 <@ PERCENT_HACK>
R$* % $*		$: <REMOTE> $1 <@ PERCENT_HACK>', `dnl')
# own hosts and hosts for which this one relays
_WHEN_(`_RELAY_ENTIRE_DOMAIN_', `R$+ <@ $* $=m>	$@ RELAY')
R$+ <@ $=w>		$@ RELAY
ifdef(`_RELAY_HOSTS_ONLY_', `R$+ <@ $=R>		$@ RELAY
_WHEN_(`_ACCESS_TABLE_', `ifdef(`_RELAY_FULL_ADDR_', `R$+ <@ $+>		$: <$(access To:$1@$2 $: ? $)> <$1 <@ $2>>
R<?> <$+ <@ $+>>	$: <$(access To:$2 $: ? $)> <$1 <@ $2>>', `R$+ <@ $+>		$: <$(access To:$2 $: ? $)> <$1 <@ $2>>')
R<?> <$+ <@ $+>>	$: <$(access $2 $: ? $)> <$1 <@ $2>>')', `R$+ <@ $* $=R>	$@ RELAY
_WHEN_(`_ACCESS_TABLE_', `ifdef(`_RELAY_FULL_ADDR_', `R$+ <@ $+>		$: $1 <@ $2> $| $>SearchList <+ To> $| <F:$1@$2> <D:$2> <F:$1@> <>
R$+ <@ $+> $| <$*>	$: <$3> <$1 <@ $2>>
R$+ <@ $+> $| $*	$: <$3> <$1 <@ $2>>', `R$+ <@ $+>		$: $>D <$2> <?> <+ To> <$1 <@ $2>>')')')
_WHEN_(`_ACCESS_TABLE_', `R<RELAY> $*		$@ RELAY
R<$* _ATMPF_> $*	$#TEMP $@ 4.3.0 $: _TMPFMSG_(`ROK2')
R<$*> <$*>		$: $2')
_WHEN_(`_RELAY_MX_SERVED_', `# domains that have this host as MX
R$+ <@ $+>		$: <: $(mxserved $2 $) :> $1 <@ $2>
R<: $* <TEMP> :> $*	$#TEMP $@ 4.4.0 $: "450 Can not check MX records for recipient host " $1
R<$* : $=w . : $*> $*	$@ RELAY
R<: $* :> $*		$: $2')
# a recipient without host is a local user
R$* <@ $+>		$@ $1 <@ $2>
ifdef(`_REQUIRE_QUAL_RCPT_', `Rpostmaster		$@ OK
R$+			$: $&{daemon_flags} $| $1
R$* r $* $| $+		$: <$&{client_name}> $3
R$* $| $+		$@ RELAY
R<> $+			$@ RELAY
R<$=w> $+		$@ RELAY
R<$+> $+		$#error $@ 5.5.4 $: "553 Domain name required"', `R$+			$@ RELAY')')

# ---- Shown: does a certificate, the site or a mechanism of AUTH let this client relay
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `SShown
R$*			$: $>RelayTLS
R$# $*			$# $1
R$*			$: $>"Local_Relay_Auth" $&{auth_type}
R$# $*			$# $1
RNO			$@ NO
R$*			$: $&{auth_type}
R$={TrustAuthMech}	$# RELAY')

# ---- Relay_ok: is the client one of ours. What comes in does not matter
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `SRelay_ok
R$*			$: $&{client_addr}
R$@			$@ RELAY
R0			$@ RELAY
R127.0.0.1		$@ RELAY
RIPv6:0:0:0:0:0:0:0:1	$@ RELAY
RIPv6:::1		$@ RELAY
R$=R $*			$@ RELAY
_WHEN_(`_DRAC_', `# who has read mail a moment ago may send
R$*			$: $1 $| $(drac $1 $: ? $)
RIPv6:$* $| ?		$: IPv6:$1 $| $(drac $1 $: ? $)
R$* $| ?		$: $1
R$* $| $+		$@ RELAY
R$* $|			$: $1')
_WHEN_(`_ACCESS_TABLE_', `R$*			$: $>A <$1> <?> <+ Connect> <$1>
R<RELAY> $*		$@ RELAY
_WHEN_(`_FFR_REJECT_IP_IN_CHECK_RCPT_', `R<REJECT> $*		$@ REJECT')
R<_ATMPF_> $*		$#TEMP $@ 4.3.0 $: _TMPFMSG_(`YOK1')
R<$*> <$*>		$: $2')
R$*			$: [$1]
R$=w			$@ RELAY
_WHEN_(`_RELAY_MAIL_FROM_', `# a sender who may relay
R$*			$: <?> $>CanonAddr $&f
R<?> $+ <@ $+ .>	<?> $1 <@ $2>
_WHEN_(`_RELAY_LOCAL_FROM_', `R<?> $+ <@ $=w>		$@ RELAY')
_WHEN_(`_RELAY_DB_FROM_', `R<?> $+ <@ $+>		$: <@> $>SearchList <! From> $| <F:$1@$2> ifdef(`_RELAY_DB_FROM_DOMAIN_', `ifdef(`_RELAY_HOSTS_ONLY_', `<E:$2>', `<D:$2>')') <>
R<@> <RELAY>		$@ RELAY
R<@> <_ATMPF_>		$#TEMP $@ 4.3.0 $: _TMPFMSG_(`YOK2')')')
# the name of the client, if its address and name agree
R$*			$: <$&{client_resolve}>
R<TEMP>			$#TEMP $@ 4.4.0 $: "450 Relaying temporarily denied. Cannot resolve PTR record for " $&{client_addr}
R<FORGED>		$#error $@ 5.7.1 $: "550 Relaying denied. IP name possibly forged " $&{client_name}
R<FAIL>			$#error $@ 5.7.1 $: "550 Relaying denied. IP name lookup failed " $&{client_name}
R$*			$: <@> $&{client_name}
R<@> $* $=P		$: <?> $1 $2
R<@> $+			$: <?> $[ $1 $]
R$* .			$1
_WHEN_(`_RELAY_ENTIRE_DOMAIN_', `R<?> $* $=m		$@ RELAY')
R<?> $=w		$@ RELAY
ifdef(`_RELAY_HOSTS_ONLY_', `R<?> $=R		$@ RELAY
_WHEN_(`_ACCESS_TABLE_', `R<?> $*			$: <$(access Connect:$1 $: ? $)> <$1>
R<?> <$*>		$: <$(access $1 $: ? $)> <$1>')', `R<?> $* $=R		$@ RELAY
_WHEN_(`_ACCESS_TABLE_', `R<?> $*			$: $>D <$1> <?> <+ Connect> <$1>')')
_WHEN_(`_ACCESS_TABLE_', `R<RELAY> $*		$@ RELAY
R<$* _ATMPF_> $*	$#TEMP $@ 4.3.0 $: _TMPFMSG_(`YOK3')
R<$*> <$*>		$: $2')')
