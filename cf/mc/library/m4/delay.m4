dnl Comes straight after rule set Relay_ok: without delay_checks the HELO check is its end.
_WHEN_(`_DELAY_CHECKS_', `# ---- delay_checks: sender and client are judged when the recipient is known
SFullAddr
R$*			$: bare $| $>NoDot $1
Rbare $| $* <@ $*	$@ $1 <@ $2
Rbare $| $*		$@ $1 <@ $j>

# whoever ends the checks early still has to show the certificate that the table wants: with an answer, and without
dnl _CERTFIRST_(suffix, way to return)
define(`_CERTFIRST_', `SDelay_TLS_Clt$1
_HEAR_(`tls_client', `$`'&{verify} $| MAIL')
R$`'*			$2 $`'1
')dnl
_CERTFIRST_(, `$#')
_CERTFIRST_(`2', `$@')
Scheck_rcpt
R$+			$: recipient $1 $| $>checkrcpt $1
# a refusal needs no certificate, another mailer does
R$* $| $# $- $*		$: $2 $| $3
Rerror $| $*		$#error $1
Rdiscard $| $*		$#discard $1
R$- $| $*		$@ $>"Delay_TLS_Clt" $1 $2
Rrecipient $+ $| $*	$: recipient $>FullAddr $>CanonAddr $1
_WHEN_(`_SPAM_FH_', `# friends want all their mail, haters are the only ones who want the checks
Rrecipient $+ <@ $=w>	$: recipient $1 <@ $2> $| <F: $1@$2> <D: $2> <U: $1@>
Rrecipient $+ <@ $*>	$: recipient $1 <@ $2> $| <F: $1@$2> <D: $2>
R$+ $| $+		$: $1 $| entry $>SearchList <! Spam> $| $2 <>
_WHEN_(`_SPAM_FRIEND_', `R$+ $| entry <FRIEND>	$@ $>"Delay_TLS_Clt2" SPAMFRIEND')
_WHEN_(`_SPAM_HATER_', `R$+ $| entry <HATER>	$: $1
Rrecipient <@ $*	$: recipient <@ $1 $| entry <?>
R$+ $| entry $*		$@ $>"Delay_TLS_Clt2" NOSPAMHATER')
R$+ $| entry $*		$: $1')
_HEAR_(`checkmail', ifdef(`_FFR_MAIL_MACRO', `$&{mail_from}', `<$&f>'))
_HEAR_(`checkrelay', `$&{client_name} $| $&{client_addr}')
Rrecipient $*		$: $1')
_WHEN_(`_BLOCK_BAD_HELO_', `# the name in HELO: not ours, and not without a dot; for strangers only
R$*			$: $1 $| $&{auth_authen} $| $>Stranger $&{client_addr}
R$* $| $| stranger	$: $1 $| helo $>HeloName [$&s]
R$* $| helo bad		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s
R$* $| $*		$: $1

# Stranger: neither a local program, which has no address, nor a client for which mail is relayed
SStranger
R0			$@ here
R$=R $*			$@ known
R$*			$@ stranger

# HeloName: good or bad, for the name in brackets
SHeloName
R$=w			$@ bad
R[$=w]			$@ bad
R[IPv6:$+]		$@ good
R[$+.$+]		$@ good
R$*			$@ bad')
