dnl check_rcpt: may this client send to this recipient. First the recipient is asked, then the client.
# ---- check_rcpt: the recipient in RCPT
_PUBLIC_(`rcpt')
R<>			$:
R$@			$#error $@ nouser $: "553 User address required"
_DEFERRED_
_WHEN_(`_REQUIRE_QUAL_RCPT_', `# with the daemon flag r a recipient needs a full domain, but postmaster
R<$*>			$: $1
R$*			$: $&{daemon_flags} $| $1
R$* $| postmaster	$: full $| postmaster
R$* $| $* @ $*		$: full $| <$2 @ $3>
R$* r $* $| $*		$: short $| $&{client_name} $| $3
Rshort $| $=w $| $*	$: full $| <$2>
Rshort $| $+ $| $+	$#error $@ 5.5.4 $: "553 Fully qualified domain name required"
Rshort $| $* $| $*	$: full $| <$2>
Rfull $| $*		$: $1
R$* $| $*		$: <$2>')
# Rcpt_ok and Relay_ok answer RELAY, $#TEMP while the other may still say yes, any other $# for good, or nothing
R$*			$: recipient $| $>"Rcpt_ok" $1
Rrecipient $| RELAY	$@ RELAY
Rrecipient $| $# TEMP $+	$: later $| $1
Rrecipient $| $# $*	$# $1
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `Rrecipient $| $*		$: later $|
Rlater $| $*		$: $1 $| client $>"Relay_ok" client
R$* $| client RELAY	$@ RELAY
R$* $| client $# TEMP $+	$# error $2
R$* $| client $# $*	$# $2
R$+ $| client $*	$# error $1
R$*			$#error $@ 5.7.1 $: confRELAY_MSG')

# ---- Rcpt_ok: is the recipient ours
SRcpt_ok
R$*			$: $>ifdef(`_LOOSE_RELAY_CHECK_', `NoDot $>CanonAddr', `ParseRecipient') $1
_WHEN_(`_BESTMX_IS_LOCAL_', `# a domain whose best MX is this host is this host
ifelse(_BESTMX_IS_LOCAL_,, `R$* <@ $*> $*		$: $(bestmx $2 $) $| $1 <@ $2> $3', `R$* <@ $* $=B> $*	$: $(bestmx $2 $3 $) $| $1 <@ $2 $3> $4')
R$=w . $| $* $=O $* <@ $*> $*	$@ $>"Rcpt_ok" $2 $3 $4
R$=w . $| $* <@ $*> $*	$: $2 <@ $1> $4
R$* $| $*		$: $2')
_WHEN_(`_BLOCKLIST_RCPT_', `_WHEN_(`_ACCESS_TABLE_', `# recipients that the access table refuses; bare local parts count for own hosts only
R$*			$: $1 $| keys $>RecipientKeys $1
R$* $| keys $+		$: $1 $| entry $>SearchList <+ To> $| $2 <>
R$* $| entry <?>	$: $1
R$* $| entry <$={Accept}>	$: $1
_WHEN_(`_ACCESS_SKIP_', `R$* $| entry <SKIP>	$: $1')
_WHEN_(`_DELAY_COMPAT_8_10_', `R$* $| entry <$={SpamTag}>	$: $1')
R$* $| entry <_ATMPF_>	_TMPF_(`ROK1')
R$* $| entry <$+>	$@ $>Verdict <$2> $@ 5.2.1 $: confRCPTREJ_MSG
R$* $| keys		$: $1')')
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `# clients that have shown who they are
_HEAR_(`Shown', `client')
ifelse(defn(`_NO_UUCP_'), `r', `R$* ! $* $~O		$: <REMOTE> BANG_PATH <@ BANG_PATH>', `dnl')
ifelse(defn(`_NO_PERCENTHACK_'), `r', `R$* % $*		$: <REMOTE> PERCENT_HACK <@ PERCENT_HACK>', `dnl')
# own hosts and hosts for which this one relays
R$+ <@ $*>		$: $1 $| $2
_WHEN_(`_RELAY_ENTIRE_DOMAIN_', `R$+ $| $* $=m		$@ RELAY')
R$+ $| $=w		$@ RELAY
ifdef(`_RELAY_HOSTS_ONLY_', `R$+ $| $=R		$@ RELAY
_WHEN_(`_ACCESS_TABLE_', `# local part $| host $| entry
R$+ $| $+		$: $1 $| $2 $| ?
_WHEN_(`_RELAY_FULL_ADDR_', `R$+ $| $+ $| ?	$: $1 $| $2 $| $(access To:$1@$2 $: ? $)')
R$+ $| $+ $| ?		$: $1 $| $2 $| $(access To:$2 $: ? $)
R$+ $| $+ $| ?		$: $1 $| $2 $| $(access $2 $: ? $)')', `R$+ $| $* $=R		$@ RELAY
_WHEN_(`_ACCESS_TABLE_', `# local part $| host $| entry
R$+ $| $+		$: $1 $| $2 $| ifdef(`_RELAY_FULL_ADDR_', `$>SearchList <+ To> $| <F:$1@$2> <D:$2> <F:$1@> <>', `$>D <$2> <?> <+ To> <>')
R$+ $| $+ $| <$*>ifdef(`_RELAY_FULL_ADDR_',, ` <>')	$: $1 $| $2 $| $3')')
_WHEN_(`_ACCESS_TABLE_', `R$+ $| $+ $| RELAY	$@ RELAY
R$+ $| $+ $| $* _ATMPF_	$#TEMP $@ 4.3.0 $: _TMPFMSG_(`ROK2')
R$+ $| $+ $| $*		$: $1 $| $2')
_WHEN_(`_RELAY_MX_SERVED_', `# domains that have this host as MX
R$+ $| $+		$: $1 $| $2 $| $>ServedHere $2
R$+ $| $+ $| $# $*	$# $3
R$+ $| $+ $| RELAY	$@ RELAY
R$+ $| $+ $| $*		$: $1 $| $2')
# a recipient without host is a local user
R$+ $| $+		$@ $1 <@ $2>
R$* <@ $+>		$@ $1 <@ $2>
ifdef(`_REQUIRE_QUAL_RCPT_', `Rpostmaster		$@ OK
R$+			$: short $&{daemon_flags}
Rshort $* r $*		$: $| $&{client_name}
R$| $=w			$@ RELAY
R$| $+			$#error $@ 5.5.4 $: "553 Domain name required"')
R$+			$@ RELAY')

_WHEN_(`_BLOCKLIST_RCPT_', `_WHEN_(`_ACCESS_TABLE_', `# ---- RecipientKeys: where to look for a recipient in the access table
SRecipientKeys
R$+ <@ $=w>		$@ <F:$1@$2> <U:$1@> <D:$2>
R$+ <@ $*>		$@ <F:$1@$2> <D:$2>
R$+			$@ <U:$1@>')')

# ---- Shown: does a certificate, the site or a mechanism of AUTH let this client relay
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `SShown
_HEAR_(`RelayTLS')
R$*			$: $>"Local_Relay_Auth" $&{auth_type}
RNO			$@ NO
R$*			$: $&{auth_type}
R$={TrustAuthMech}	$# RELAY')

# ---- Relay_ok: is the client one of ours. What comes in does not matter
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `SRelay_ok
R$*			$: $>NetworkOfOurs $&{client_addr}
RRELAY			$@ RELAY
_WHEN_(`_FFR_REJECT_IP_IN_CHECK_RCPT_', `RREJECT		$@ REJECT')
_WHEN_(`_RELAY_MAIL_FROM_', `# a sender who may relay
R$*			$: sender $| $>NoDot $>CanonAddr $&f
_WHEN_(`_RELAY_LOCAL_FROM_', `Rsender $| $+ <@ $=w>	$@ RELAY')
_WHEN_(`_RELAY_DB_FROM_', `Rsender $| $+ <@ $+>	$: entry $>SearchList <! From> $| <F:$1@$2> ifdef(`_RELAY_DB_FROM_DOMAIN_', `ifdef(`_RELAY_HOSTS_ONLY_', `<E:$2>', `<D:$2>')') <>
Rentry <RELAY>		$@ RELAY
Rentry <_ATMPF_>	$#TEMP $@ 4.3.0 $: _TMPFMSG_(`YOK2')')')
# the name of the client, if its address and name agree
R$*			$: $&{client_resolve} $|
RFAIL $|		$#error $@ 5.7.1 $: "550 Relaying denied. IP name lookup failed " $&{client_name}
RFORGED $|		$#error $@ 5.7.1 $: "550 Relaying denied. IP name possibly forged " $&{client_name}
RTEMP $|		$#TEMP $@ 4.4.0 $: "450 Relaying temporarily denied. Cannot resolve PTR record for " $&{client_addr}
# no return at the end: sites add rules of their own to this set
R$*			$: $>NameOfOurs $&{client_name}
RRELAY			$@ RELAY')

# ---- NetworkOfOurs: RELAY for the address of a client that is this host, or one for which it relays
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `SNetworkOfOurs
R$*			$: $1 $| [$1]
R$=R $* $| $*		$@ RELAY
R$* $| []		$@ RELAY
R$* $| [0]		$@ RELAY
R$* $| [127.0.0.1]	$@ RELAY
R$* $| [IPv6:::1]	$@ RELAY
R$* $| [IPv6:0:0:0:0:0:0:0:1]	$@ RELAY
_WHEN_(`_DRAC_', `# who has read mail a moment ago may send
R$* $| $*		$: $(drac $1 $: ? $) $| $1 $| $2
R? $| IPv6:$* $| $*	$: $(drac $1 $: ? $) $| IPv6:$1 $| $2
R? $| $*		$: $| $1
R$+ $| $* $| $*		$@ RELAY
R$| $*			$: $1')
_WHEN_(`_ACCESS_TABLE_', `R$* $| $*		$: $1 $| $2 $| $>A <$1> <?> <+ Connect> <>
R$* $| <RELAY> $*	$@ RELAY
_WHEN_(`_FFR_REJECT_IP_IN_CHECK_RCPT_', `R$* $| <REJECT> $*	$@ REJECT')
R$* $| <_ATMPF_> $*	$#TEMP $@ 4.3.0 $: _TMPFMSG_(`YOK1')
R$* $| $* $| $*		$: $1 $| $2')
R$* $| $=w		$@ RELAY
R$*			$@ other')

# ---- NameOfOurs: the same for its name
ifdef(`_PROMISCUOUS_RELAY_', `dnl', `SNameOfOurs
R$+			$: $1 $| $1
R$+ $| $* $=P		$: $2 $3
R$+ $| $*		$: $[ $1 $]
R$* .			$1
R`'ifdef(`_RELAY_HOSTS_ONLY_',, `$* ')$=R			$@ RELAY
_WHEN_(`_RELAY_ENTIRE_DOMAIN_', `R$* $=m			$@ RELAY')
R$=w			$@ RELAY
ifdef(`_RELAY_HOSTS_ONLY_', `_WHEN_(`_ACCESS_TABLE_', `R$*			$: $1 $| $(access Connect:$1 $: ? $)
R$* $| ?		$: $1 $| $(access $1 $: ? $)')', `_WHEN_(`_ACCESS_TABLE_', `R$*			$: $1 $| $>D <$1> <?> <+ Connect> <>
R$* $| <$*> <>		$: $1 $| $2')')
_WHEN_(`_ACCESS_TABLE_', `R$* $| RELAY		$@ RELAY
R$* $| $* _ATMPF_	$#TEMP $@ 4.3.0 $: _TMPFMSG_(`YOK3')
R$* $| $*		$: $1')')
