divert(-1)
dnl HACK: messages to addresses that the access table marks To:address POISON are refused
LOCAL_CONFIG
Kmacro macro
LOCAL_RULESETS
# ---- Poisoned: does the table mark this address
SPoisoned
R$* <$+> $*		$2
R$+			$: $>SearchList <!To> $| <E:$1> <>
R<POISON>		$@ yes
R$*			$@ no

SLocal_check_rcpt
R$*			$: $1 $| $>"Poisoned" $1
R$* $| yes		$@ $1 $(macro {PoisonRecipient} $@ POISON $)
R$* $| no		$@ $1

Scheck_eoh
R$*			$: seen $| $&{PoisonRecipient}
Rseen $| POISON		$#error $@ 5.7.1 $: 550 Mail sent to spam lists is not accepted here

HTo: $>CheckTo
SCheckTo
R$* , $*		$@ list
R$*			$: $>"Poisoned" $1
Ryes			$#error $@ 5.7.1 $: 550 Mail sent by spamware is not accepted here
divert(-1)
