divert(-1)
dnl FEATURE: user.REDIRECT in aliases tells senders the new address
LOCAL_RULE_0
# mode of operation $| address: while aliases are rebuilt (i) such addresses are good
R$* <@ $+ . REDIRECT .>	$: ${opMode} $| $1 <@ $2 . REDIRECT .>
Ri $| $+		$: $1
R$- $| $* <@ $+ . REDIRECT .>	$#error $@ 5.1.1 $: "551 User has moved; please try " <$2@$3>
LOCAL_CONFIG
CPREDIRECT
divert(-1)
