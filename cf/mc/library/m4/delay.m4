dnl Comes straight after rule set Relay_ok: without delay_checks the HELO check is its end.
_WHEN_(`_DELAY_CHECKS_', `# ---- delay_checks: sender and client are judged when the recipient is known
SFullAddr
R$* <@ $+ .>		$1 <@ $2>
R$* <@ $*>		$@ $1 <@ $2>
R$+			$@ $1 <@ $j>

# whoever ends the checks early still has to show the certificate that the table wants: with an answer, and without
dnl _CERTFIRST_(suffix, way to return)
define(`_CERTFIRST_', `SDelay_TLS_Clt$1
R$`'*			$: $`'1 $| $>"tls_client" $`'&{verify} $| MAIL
R$`'* $| $`'# $`'+		$`'# $`'2
R$`'* $| $`'*		$2 $`'1
')dnl
_CERTFIRST_(, `$#')
_CERTFIRST_(`2', `$@')
Scheck_rcpt
R$+			$: $1 $| $>checkrcpt $1
R$+ $| $#error $*	$#error $2
R$+ $| $#discard $*	$#discard $2
R$+ $| $#$*		$@ $>"Delay_TLS_Clt" $2
R$+ $| $*		$: <?> $>FullAddr $>CanonAddr $1
_WHEN_(`_SPAM_FH_', `R<?> $+ <@ $=w>		$: <F: $1@$2> <D: $2> <U: $1@> $| $1 <@ $2>
R<?> $+ <@ $*>		$: <F: $1@$2> <D: $2> $| $1 <@ $2>
R<$+> $| $*		$: $2 $| $>SearchList <! Spam> $| <$1> <>
R$* $| <$*>		$: <$2> $1')
_WHEN_(`_SPAM_FRIEND_', `R<FRIEND> $+		$@ $>"Delay_TLS_Clt2" SPAMFRIEND
R<$*> $+		$: $2')
_WHEN_(`_SPAM_HATER_', `R<HATER> $+		$: $1
R<$*> $+		$@ $>"Delay_TLS_Clt2" NOSPAMHATER')
R$*			$: $1 $| $>checkmail ifdef(`_FFR_MAIL_MACRO', `$&{mail_from}', `<$&f>')
R$* $| $#$*		$#$2
R$* $| $*		$: $1 $| $>checkrelay $&{client_name} $| $&{client_addr}
R$* $| $#$*		$#$2
R$* $| $*		$: $1')
_WHEN_(`_BLOCK_BAD_HELO_', `# the name in HELO: not ours, and not without a dot; for strangers only
R$*			$: $1 $| <$&{auth_authen}>
R$* $| <$+>		$: $1
R$* $| <>		$: $1 $| <$&{client_addr}> [$&s]
R$* $| <$=R $*> [$*]	$: $1
R$* $| <0> [$*]		$: $1
R$* $| <$*> $=w		$: $1 $| ?
R$* $| <$*> [$=w]	$: $1 $| ?
R$* $| <$*> [$+.$+]	$: $1
R$* $| <$*> [IPv6:$+]	$: $1
R$* $| <$*> [$*]	$: $1 $| ?
R$* $| ?		$#error $@ 5.7.1 $: "550 bogus HELO name used: " $&s')
