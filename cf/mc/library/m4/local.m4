dnl Rule set 5 and the helpers that turn table values into mailers: 95, 90, CanonLocal.
# ---- Rule set 5: local users after aliases and forward files
SLocal_localaddr
Slocaladdr=5
R$+			$: $1 $| $>"Local_localaddr" $1
R$+ $| $#ok		$@ $1
R$+ $| $#$*		$#$2
R$+ $| $*		$: $1
_WHEN_(`_PRESERVE_LUSER_HOST_', `# macro Host: the host that the address had
R$+			$: $1 $| $&h $| $&{Host}
R$+ $| $|		$: $(macro {Host} $@ $) $1
R$+ $| $| $+		$: $1
R$+ $| +$* $| $*	$: $1
R$+ $| $* @ $+ $| $*	$: $(macro {Host} $@ @$3 $) $1
R$+ $| $+ $| $*		$: $(macro {Host} $@ @$2 $) $1')
_WHEN_(`_FFR_5_', `R$+			$: $(macro {LocalAddrHost} $) $1
R$+ @ $+		$: $(macro {LocalAddrHost} $@ @ $2 $) $1')
define(`_HOST5_', ifdef(`_FFR_5_', `` $&{LocalAddrHost}''))dnl
_UNLESS_(`_PRESERVE_LOCAL_PLUS_DETAIL_', `# the detail waits in the host part while aliases are tried
R$+ + *			$#_LOCAL_ $@ $&h $: $1`'_HOST5_
R$+ + $*		$#_LOCAL_ $@ + $2 $: $1 + *`'_HOST5_')
R$+			$: <> $1
_WHEN_(`LUSER_RELAY', `# users that nobody knows here
ifdef(`_PRESERVE_LOCAL_PLUS_DETAIL_', `R<> $+ + $*		$: <? $L> <+ $2> $(user $1 $)
R<> $+			$: <? $L> <> $(user $1 $)
R<? $*> <$*> $+ <>	$: <> $3 $2
R<? $*> <$*> $+		$: <$1> $3 $2', `R<> $+			$: <$L> $(user $1 $)
R<$*> $+ <>		$: <> $2')
_WHEN_(`_PRESERVE_LUSER_HOST_', `R<$+> $+		$: <$1> $2 $&{Host}')')
_WHEN_(`MAIL_HUB', `R<> $+			$: <$H> $1')
_WHEN_(`LOCAL_RELAY', `R<> $+			$: <$R> $1')
ifdef(`_PRESERVE_LOCAL_PLUS_DETAIL_', `R<> $+			$@ $1', `# it stays here: the detail comes back and makes another user
R<> $+			$: <> $| $>Detail $1
R<> $| $+ + $*		$#_LOCAL_ $@ $2 $: @ $1`'_HOST5_
R<> $| $+		$@ $1
R<$+> $+		$: <$1> $| $>Detail $2
R<$*> $| $*		$: <$1> $2')
# it goes to another host
R<local : $*> $*	$: $>MailerToTriple <local : $1> $2
R<error : $*> $*	$: $>MailerToTriple <error : $1> $2
_WHEN_(`_PRESERVE_LUSER_HOST_', `R<$~[ : $+> $+ @ $+	$: $>MailerToTriple <$1 : $2> $3 <@ $4>')
R<$~[ : $+> $+		$: $>MailerToTriple <$1 : $2> $3 <@ $2>
_WHEN_(`_PRESERVE_LUSER_HOST_', `R<$+> $+ @ $+		$@ $>MailerToTriple <$1> $2 <@ $3>')
R<$+> $+		$@ $>MailerToTriple <$1> $2 <@ $1>

_UNLESS_(`_PRESERVE_LOCAL_PLUS_DETAIL_', `# a detail in macro h goes back to its user
SDetail
R$+			$: $1 <> $&h
_WHEN_(`_PRESERVE_LUSER_HOST_', `R$+ @ $+ <> + $*	$@ $1 + $3 @ $2')
R$+ <> + $*		$@ $1 + $2
R$+ <> $*		$@ $1')

# ---- Rule set 95: <mailer:[user@]host> address, as tables and relays are written, becomes a mailer with its host and user
SMailerToTriple=95
R<> $*				$@ $1
R<error : $+> $*		$@ $>"Refusal" $1
R<local : $*> $*		$@ $>CanonLocal <$1> $2
R<$~[ : $+ @ $+> $* <$*> $*	$# $1 $@ $3 $: $2<@$3>
R<$~[ : $+> $*			$# $1 $@ $2 $: $3
R<$=w> $*			$@ $2
R<$+> $*			$#_RELAY_ $@ $1 $: $2

# ---- Refusal: [d.s.n or keyword :] text
SRefusal
R$- . $- . $- : $+		$#error $@ $1.$2.$3 $: $4
R$- : $+			$#error $@ $(dequote $1 $) $: $2
R$+				$#error $: $1

# ---- <user> address for the local mailer: the user, or the local part if there is none, and the whole address as host
SCanonLocal
R<$*> <@ $+> : $+		$@ $>Recurse $3
R<$*> $+ $=O $+ <@ $+>		$@ $>Recurse $2 $3 $4
R<$+ @ $+> $* <@ $*>		<$1> $3 <@ $4>
R<$*> $* <@ $* .>		<$1> $2 <@ $3>
R<$*> $* <@ $*> $*		$: <$1> $2 $| $2@$3
R<$*> $* $| $*			$: $3 $| <$1> <$2>
R<$*> $*			$: $2 $| <$1> <$2>
R$* $| <> <$*>			$#_LOCAL_ $@ $1 $: $2
R$* $| <$+> <$*>		$#_LOCAL_ $@ $1 $: $2

_WHEN_(`_MAILER_TABLE_', `_WHEN_(`_LDAP_ROUTING_', `# ---- the mailertable for a host that LDAP named; without an entry the relay mailer
SLDAPMailertable
R<$+> $*		$: <$(mailertable $1 $)> $2
R<$~[ : $*> $*		$>MailerToTriple <$1 : $2> $3
R<$+> $*		$: <$1> $>Mailertable <$1> $2
R<$+> $#$*		$#$2
R<$+> $*		$#_RELAY_ $@ $1 $: $2')
# ---- Rule set 90: parent domains in the mailertable. In: labels already off <labels left> address
SMailertable=90
R$* <$- . $+> $*	$: $1$2 <$(mailertable .$3 $@ $1$2 $@ $2 $)> $4
R$* <$~[ : $*> $*	$>MailerToTriple <$2 : $3> $4
R$* <. $+> $*		$@ $>Mailertable $1 . <$2> $3
R$* <$*> $*		$: <$(mailertable . $@ $1$2 $)> $3
R<$~[ : $*> $*		$>MailerToTriple <$1 : $2> $3
R<$*> $*		$@ $2')
