dnl AUTH and TLS: who may act for whom, what is offered, what a connection must fulfil.
dnl _ASK_(hook flag, rule set): the rules of the site come first, if it has some
define(`_ASK_', `_WHEN_(`$1', `_HEAR_(`$2')')')dnl
# ---- trust_auth: the name in AUTH= of MAIL
SLocal_trust_auth
Strust_auth
R$*			$: $1 $| by $&{auth_type}
R$* $| by		$#error $@ 5.7.1 $: "550 not authenticated"
R$* $| by $+		$: $1
R<$&{auth_authen}>	$@ identical
R$&{auth_authen}	$@ identical
_HEAR_(`Local_trust_auth')
R$*			$#error $@ 5.7.1 $: "550 " $&{auth_authen} " not allowed to act as " $&{auth_author}

# ---- Local_Relay_Auth: rules of the site that let authenticated clients relay
SLocal_Relay_Auth

dnl _FEATURES_(name, address, tag): letters from the access table
define(`_FEATURES_', `_WHEN_(`_ACCESS_TABLE_', `R$`'*		$: entry $>PeerSetting <$3> $`'&{$1} $| $`'&{$2}
Rentry <?>			$`'@ OK')')dnl
# ---- srv_features: what is offered to a client
Ssrv_features
_ASK_(`_LOCAL_SRV_FEATURES_', `Local_srv_features')
_FEATURES_(`client_name', `client_addr', `SRV_FEAT_TAG')
_WHEN_(`_ACCESS_TABLE_', `Rentry <$* _ATMPF_>	$#temp
Rentry <$+>		$# $1')

# ---- clt_features: what is used with a server
Sclt_features
_ASK_(`_LOCAL_CLT_FEATURES_', `Local_clt_features')
_FEATURES_(`client_name', `client_addr', `CLT_FEAT_TAG')
_WHEN_(`_ACCESS_TABLE_', `Rentry <$* _ATMPF_>	$#temp
Rentry <$+>		$# $1')

# ---- try_tls: whether to start TLS with a server
Stry_tls
_ASK_(`_LOCAL_TRY_TLS_', `Local_try_tls')
_FEATURES_(`server_name', `server_addr', `TLS_TRY_TAG')
_WHEN_(`_ACCESS_TABLE_', `Rentry <$* _ATMPF_>	_TMPF_(`TT')
Rentry <NO>		$#error $@ 5.7.1 $: "550 do not try TLS with " $&{server_name} " ["$&{server_addr}"]"')

_WHEN_(`_MTA_STS_', `# ---- MTA-STS. STS_policy: the policy for the domain of a recipient, or none
SSTS_policy
R$* @ $*		$: $2
R$+			$: $>Undotted $1
R$@			$@ none
R$*			$: policy $| $(sts $1 $: none $)
Rpolicy $| $* <TMPF>	$#error $@ 4.7.0 $: 450 STS lookup temp fail
Rpolicy $| $*		$@ $1

SUndotted
R$* .			$1

# a policy that enforces wants a verified certificate
SSTS_secure
R$*			$: $1 $| policy $>"STS_policy" $&{rcpt_addr}
R$* $| policy $# $+	$# $2
R$* $| policy $* secure $*	$@ $>"TLS_connection" $1 $| <TEMP+VERIFY:128>

# and the name of the server, or what follows its first dot, among those after match=
SSTS_Check
R$*			$: $&{rcpt_addr} $| policy $>"STS_policy" $1
R$+ $| policy $# $+	$# $2
R$+ $| policy $* secure $*	$: <$3>
R$* $| policy $*	$@ ok
R<$* servername=hostname>	$: <$1>
R<$+>			$: $(stsxmatch $1 $: ? $)
R<>			$: ?
R?			$@ $>"STS_SAN" x
R$* :			$: $1
R$* . : $*		$1 : $2
R$*			$: $>Undotted $1
R$*			$: $1 $| $&{server_name} $| none
R$* $| $- . $+ $| none	$: $1 $| $2.$3 $| .$3
R$* $| $* $| $*		$: $1 $| $>"STS_among" $2 $| $3 $| :$1:
R$* $| yes		$@ $>"STS_SAN" x
R$* $| $*		$#error $@ 4.7.0 $: 450 $&{server_name} not found in " "$1

# name $| name $| :name:name:  does the list have one of the two
SSTS_among
R$* $| $* $| $*		$: $(macro {TLS_Name} $@ $1 $) $2 $| $3
R$* $| $* : $&{TLS_Name} : $*	$@ yes
R$* $| $*		$: $(macro {TLS_Name} $@ $1 $) $2
R$* : $&{TLS_Name} : $*	$@ yes
R$*			$@ no

# the certificate must name the server itself; a star in it does not count, as with the original
SSTS_SAN
_WHEN_(`_STS_SAN', `R$*			$: server $| $&{server_name}
Rserver $| $={cert_altnames}	$@ ok
R$*			$#error $@ 4.7.0 $: 450 $&{server_name} not listed in SANs')')

# ---- tls_rcpt: what the server must fulfil for this recipient
Stls_rcpt
_ASK_(`_LOCAL_TLS_RCPT_', `Local_tls_rcpt')
_ASK_(`_MTA_STS_', `STS_Check')
_WHEN_(`_ACCESS_TABLE_', `R$*			$: $1 $(macro {TLS_Name} $@ $&{server_name} $)
R$+			$: recipient $>NoDot $>CanonAddr $1
Rrecipient $+ <@ $+>	$: keys <F:$1@$2> <U:$1@> <D:$2> <E:>
Rrecipient $+		$: keys <U:$1@> <E:>
Rkeys $+		$: entry $>SearchList <! TLS_RCPT_TAG> $| $1 <>
Rentry <?>		$@ OK
Rentry <$* _ATMPF_>	_TMPF_(`TR')
Rentry $+		$@ $>"TLS_connection" $&{verify} $| $1')

dnl _REQUIRED_(name, address, tag, token): the requirement for a host. A table that cannot be asked for the host defers nothing, as with
dnl the original: only the look-up of the tag alone, which leaves its key before the mark, does
define(`_REQUIRED_', `R$`'*			$: $`'1 $(macro {TLS_Name} $`'@ $`'&{$1} $) $| $>PeerSetting <$3> $`'&{$1} $| $`'&{$2}
R$`'* $| <$`'+ _ATMPF_>	_TMPF_(`$4')
R$`'*			$`'@ $>"TLS_connection" $`'1')dnl
# ---- tls_client: verify $| MAIL or STARTTLS; what a client must fulfil
Stls_client
_ASK_(`_LOCAL_TLS_CLIENT_', `Local_tls_client')
# the command does not matter any more
ifdef(`_ACCESS_TABLE_', `R$* $| $*		$: $1
_REQUIRED_(`client_name', `client_addr', `TLS_CLT_TAG', `TC')', `R$*			$: $1 $|
R$* $| $*		$@ $>"TLS_connection" $1')

# ---- tls_server: verify; what a server must fulfil
Stls_server
_ASK_(`_LOCAL_TLS_SERVER_', `Local_tls_server')
_WHEN_(`_TLS_FAILURES_', `R$*			$: $1 $(macro {saved_verify} $@ $1 $)')
_ASK_(`_MTA_STS_', `STS_secure')
ifdef(`_ACCESS_TABLE_', `_REQUIRED_(`server_name', `server_addr', `TLS_SRV_TAG', `TS')', `R$*			$@ $>"TLS_connection" $1')

# ---- TLS_connection: verify, and if there is a table  $| <requirement>
dnl TLS_PERM_ERR makes failures permanent
define(`TLS_DSNCODE', ifdef(`TLS_PERM_ERR', `5.7.0', `4.7.0'))dnl
define(`TLS_ERRCODE', ifdef(`TLS_PERM_ERR', `554', `454'))dnl
dnl _BROKEN_(verify, text): a handshake that failed. _LACKING_(verify, text): no certificate, or a bad one
define(`_BROKEN_', `ifdef(`_FULL_TLS_CONNECTION_CHECK_', `R$1 $| $`'* $| ANY $| $`'*	$`'#error $`'@ TLS_DSNCODE $: "TLS_ERRCODE $2"
R$1 $| $`'- : $`'+ $| $`'*	$`'#error $`'@ $`'2 $: $`'1 " $2"', `Rhandshake $| $1	$`'#error $`'@ TLS_DSNCODE $: "TLS_ERRCODE $2"')')dnl
define(`_LACKING_', `R$1 $| $`'- : $`'+ $| VERIFY $| $`'*	$`'#error $`'@ $`'2 $: $`'1 " $2"')dnl
STLS_connection
ifdef(`_FULL_TLS_CONNECTION_CHECK_', `# verify $| reply $| what is wanted $| bits $| further conditions
R$* $| $*		$: $1 $| $>"TLS_wanted" $2', `R$*			$: handshake $| $1')
_BROKEN_(`SOFTWARE', `TLS handshake failed.')
_BROKEN_(`PROTOCOL', `STARTTLS failed.')
_BROKEN_(`DANE_FAIL', `DANE check failed.')
_BROKEN_(`CONFIG', `STARTTLS temporarily not possible.')
ifdef(`_FULL_TLS_CONNECTION_CHECK_', `R$* $| $* $| ANY $| $*	$@ OK
R$={TlsVerified} $| $* $| VERIFY $| $*	$: $2 $| $3
R$* $| $* $| ENCR $| $*	$: $2 $| $3
_LACKING_(, `authentication required')
_LACKING_(`FAIL', `authentication failed')
_LACKING_(`NO', `not authenticated')
_LACKING_(`NOT', `no authentication requested')
_LACKING_(`NONE', `other side does not support STARTTLS')
_LACKING_(`CLEAR', `STARTTLS disabled locally')
dnl the original shows the conditions here, not what verification gave
R$+ $| $- : $+ $| VERIFY $| $* $| $*	$#error $@ $3 $: $2 " authentication failure " $5
# reply $| bits $| further conditions: enough bits, of TLS or of the layer of AUTH?
R$+ $| $- $| $*		$: $1 $| $2 $| $3 $| $>"max" $&{cipher_bits} : $&{auth_ssf}
R$+ $| $- $| $* $| $-	$: $1 $| $3 $| $4 : $2 $| $(arith l $@ $4 $@ $2 $)
R$- : $+ $| $* $| $- : $- $| TRUE	$#error $@ $2 $: $1 " encryption too weak " $4 " less than " $5
R$+ $| $* $| $* $| $*	$: $1 $| $2
R$+ $|			$@ OK
R$+ $| $+		$@ $>"TLS_req" $1 $| $2 ++

# ---- TLS_wanted: <requirement>, as the access table has it, in parts
STLS_wanted
R<PERM + $={Tls} $*> $*	$: 503:5.7.0 $| $1 $2
R<TEMP + $={Tls} $*> $*	$: 403:4.7.0 $| $1 $2
R<$={Tls} $*> $*	$: TLS_ERRCODE:TLS_DSNCODE $| $1 $2
R$* $| $- : $-		$@ $1 $| $2 $| $3 $|
R$* $| $- : $- + $+	$@ $1 $| $2 $| $3 $| $4
R$* $| VERIFY		$@ $1 $| VERIFY $| 0 $|
R$* $| VERIFY + $+	$@ $1 $| VERIFY $| 0 $| $2
R$*			$@ TLS_ERRCODE:TLS_DSNCODE $| ANY $| 0 $|

# ---- TLS_req: reply $| condition ++ condition ++ ..., one after the other
dnl _FIELD_(prefix, macro, name): a field of the certificate must have the value
define(`_FIELD_', `R$`'+ $| $1:$`'&{$2} ++ $`'*	$`'@ $>"TLS_req" $`'1 $| $`'2
R$`'- : $`'+ $| $1:$`'+ ++ $`'*	$`'#error $`'@ $`'2 $: $`'1 " $3 " $`'&{$2} " does not match " $`'3')dnl
STLS_req
R$+ $|			$@ OK
# CN alone stands for the name of the other side
R$+ $| CN ++ $*		$: $1 $| CN:$&{TLS_Name} ++ $2
_WHEN_(`_FFR_TLS_ALTNAMES', `R$+ $| CN:$={cert_altnames} ++ $*	$@ $>"TLS_req" $1 $| $3
R$+ $| CN:$- . $+ ++ $*	$: $1 $| CN:*.$3 ++ $4
R$+ $| CN:$={cert_altnames} ++ $*	$@ $>"TLS_req" $1 $| $3
R$+ $| CN:$* ++ $*	$: $1 $| CN:$&{TLS_Name} ++ $3')
_FIELD_(`CN', `cn_subject', `CN')
_FIELD_(`CS', `cert_subject', `Cert Subject')
_FIELD_(`CI', `cert_issuer', `Cert Issuer')
# CITag:x asks the access table for x: and the issuer
R$+ $| CITag:$- ++ $*	$: $1 $| $(access $2:$&{cert_issuer} $: ? $) ++ $3
R$- : $+ $| ? ++ $*	$#error $@ $2 $: $1 " Cert Issuer " $&{cert_issuer} " not acceptable"
R$+ $| OK ++ $*		$@ $>"TLS_req" $1 $| $2

# ---- max: the greater of two numbers with a colon between; a missing one counts 0
Smax
R: $*			$: 0 : $1
R$- :			$: $1 : 0
R$- : $-		$: $1 : $2 : $(arith l $@ $1 $@ $2 $)
R$- : $- : TRUE		$@ $2
R$- : $- : $*		$@ $1', `Rhandshake $| $*	$: $1')

_WHEN_(`_MTA_STS_', `# ---- Set_SNI: the name that the policy wants in the handshake
SSet_SNI
R$*			$: $>"STS_policy" $&{rcpt_addr}
R$* secure $*		$: $(stsxsni $2 $: : $) $| $(stsxsni2 $2 $: : $)
R$+ : $| $+ :		$@ $(macro {sts_sni} $@ $&{server_name} $) sts=secure; $2
R$* $| $*		$@ sts=secure; $2
R$*			$@ ""')

_WHEN_(`_TLS_SESSION_FEATURES_', `# ---- tls_srv_features: settings of TLS for a client
Stls_srv_features
ifdef(`_ACCESS_TABLE_', `R$*			$: $>PeerEntry <! TLS_Srv_Features> $1
R<?>			$@ ""
R<$+>			$@ $1', `R$*			$@ ""')')

_WHEN_(`_NEED_TLS_CLT_FEATURES', `# ---- tls_clt_features: settings of TLS for a server: those of the access table, then the name that the policy wants
_WHEN_(`_ACCESS_TABLE_', `Stls_clt_feat_acc
R$*			$: $>PeerEntry <! TLS_Clt_Features> $1
R<?>			$@ ""
R<$+>			$@ $1')

# settings $| with the flag d, or after an SNI, DANE does not come first
SDANE_disabled
R$*			$: $(stsxnodaneflag $1 $: NOFLAGS $) $| $&{sts_sni}
R$* @ $| $*		$@ <>
R$* $| $+		$@ <DANE>
R$*			$@ <>

SSTS_disabled
R$*			$: $&{client_flags} $| $&{rcpt_addr}
R$* MM $* $| $*		$@ <>
R$* $| $+		$@ <STS>
R$*			$@ <>

Stls_clt_features
R$*			$: ifdef(`_ACCESS_TABLE_', `$>"tls_clt_feat_acc" $1')
_WHEN_(`_MTA_STS_', `R$*			$: <$1> $>"STS_disabled" sts
R<$*> <>		$@ $1
R<$*> $*		$: <$1> $>"DANE_disabled" $1
R<$+> <DANE>		$@ $1
R<$*> <DANE>		$@ ""
R<$*> $*		$: <$1> $>"Set_SNI" sni
R<""> $+		$@ $1
R<> $+			$@ $1
R<$+ ;> $+		$@ $1 ; $2
R<$+> $+		$@ $1 ; $2
R<$*>			$: $1')
R$@			$@ ""')

# ---- RelayTLS: certificates whose issuer, or issuer and subject, may relay
SRelayTLS
_WHEN_(`_ACCESS_TABLE_', `R$*			$: $&{verify} $|
R$={TlsVerified} $|	$: verified
R$* $|			$@ NO
ifdef(`_CERT_REGEX_ISSUER_', `R$*			$: $(CERTIssuer $&{cert_issuer} $)', `R$*			$: $&{cert_issuer}')
R$+			$: issuer $| $(access CERTISSUER`'_TAG_DELIM_`'$1 $)
Rissuer $| RELAY	$# RELAY
ifdef(`_CERT_REGEX_SUBJECT_', `Rissuer $| SUBJECT	$: subject $| $(CERTSubject $&{cert_subject} $)', `Rissuer $| SUBJECT	$: subject $| $&{cert_subject}')
Rsubject $| $+		$: subject $| $(access CERTSUBJECT`'_TAG_DELIM_`'$1 $)
Rsubject $| RELAY	$# RELAY
R$*			$: NO')

# ---- authinfo: name and password for a server
Sauthinfo
ifdef(`_AUTHINFO_TABLE_', `# the keys of this table are name, address and nothing, each behind the tag
ifdef(`_AUTHINFO_BY_SENDER_', `# before them the name with the sender, or its domain, behind it
R$*			$: <$&f>
R<<$*>>			$: <$1>
R<$+ @ $+>		$: ? $| $&{server_name}/$1@$2 $| $&{server_name}/@$2 $| $&{server_name} $| $&{server_addr} $| $|
R<$*>', `R$*')			$: ? $| $&{server_name} $| $&{server_addr} $| $|
R? $| $* $| $*		$(authinfo AuthInfo:$1 $: ? $) $| $2
R? $| $*		$@ no
R$* $| $*		$# $1', `_WHEN_(`_ACCESS_TABLE_', `R$*			$: entry $>PeerSetting <AuthInfo> $&{server_name} $| $&{server_addr}
Rentry <?>		$@ no
Rentry <$*>		$# $1')')
