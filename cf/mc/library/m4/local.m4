dnl Rule set 5 and the helpers that turn table values into mailers: 95, 90, CanonLocal.
# ---- Rule set 5: local users after aliases and forward files
SLocal_localaddr
Slocaladdr=5
R$+			$: $1 $| heard $>"Local_localaddr" $1
R$+ $| heard $# ok	$@ $1
R$+ $| heard $# $*	$# $2
R$+ $| heard $*		$: $1
_WHEN_(`_PRESERVE_LUSER_HOST_', `# macro Host: the host that the address had
R$+			$: $1 $| $>HostPart $&h
R$+ $| as is		$: $1
R$+ $| $*		$: $1 $(macro {Host} $@ $2 $)')
_WHEN_(`_FFR_5_', `R$+			$: $1 $(macro {LocalAddrHost} $)
R$+ @ $+		$: $1 $(macro {LocalAddrHost} $@ @ $2 $)')
define(`_HOST5_', ifdef(`_FFR_5_', `` $&{LocalAddrHost}''))dnl
_UNLESS_(`_PRESERVE_LOCAL_PLUS_DETAIL_', `# the detail waits in the host part while aliases are tried
R$+ + $*		$: $1 $| $2
R$+ $| *		$: $1 $| $&h $|
R$+ $| $* + *		$: $1 + $2 $| $&h $|
R$+ $| $* $|		$#_LOCAL_ $@ $2 $: $1`'_HOST5_
R$+ $| $*		$#_LOCAL_ $@ + $2 $: $1 + *`'_HOST5_')
# relay $| user: a user without relay stays here
R$+			$: $| $1
_WHEN_(`LUSER_RELAY', `# users that nobody knows here
_WHEN_(`_PRESERVE_LOCAL_PLUS_DETAIL_', `R$| $+ + $*		$: $(user $1 $) $| + $2')
R$| $+			$: $(user $1 $) $|
R$+ <> $| $*		$: $| $1 $2
R$+ $| $*		$: $L $| $1 $2
_WHEN_(`_PRESERVE_LUSER_HOST_', `R$+ $| $+		$: $1 $| $2 $&{Host}')')
_WHEN_(`MAIL_HUB', `R$| $+			$: $H $| $1')
_WHEN_(`LOCAL_RELAY', `R$| $+			$: $R $| $1')
ifdef(`_PRESERVE_LOCAL_PLUS_DETAIL_', `R$| $+			$@ $1', `# the detail comes back; of a user who stays here it makes another one
R$* $| $+		$: $1 $| user $>Detail $2
R$| user $+ + $*	$#_LOCAL_ $@ $2 $: @ $1`'_HOST5_
R$| user $+		$@ $1
R$+ $| user $*		$: $1 $| $2')
# it goes to another host, which is in the address too
Rlocal : $* $| $*	$@ $>MailerToTriple <local : $1> $2
Rerror : $* $| $*	$@ $>MailerToTriple <error : $1> $2
_WHEN_(`_PRESERVE_LUSER_HOST_', `R$+ $| $+ @ $+		$@ $>MailerToTriple <$1> $2 <@ $3>')
R$~[ : $+ $| $+		$@ $>MailerToTriple <$1 : $2> $3 <@ $2>
R$+ $| $+		$@ $>MailerToTriple <$1> $2 <@ $1>

_WHEN_(`_PRESERVE_LUSER_HOST_', `# what macro h says of the host: @host, what is known already, or nothing new
SHostPart
R+ $*			$@ as is
R$* @ $+		$@ @ $2
R$+			$@ @ $1
R$*			$@ $&{Host}')

_UNLESS_(`_PRESERVE_LOCAL_PLUS_DETAIL_', `# a detail in macro h goes back to its user
SDetail
R$+			$: $&h $| $1
_WHEN_(`_PRESERVE_LUSER_HOST_', `R+ $* $| $+ @ $+	$@ $2 + $1 @ $3')
R+ $* $| $+		$@ $2 + $1
R$* $| $+		$@ $2')

# ---- Rule set 95: <mailer:[user@]host> address, as tables and relays are written, becomes a mailer with its host and user
SMailerToTriple=95
R<$@> $*		$@ $1
R<$=w> $*		$@ $2
# mailer $| host $| address
R<local : $*> $*	$@ $>CanonLocal <$1> $2
R<$~[ : $+> $*		$: $1 $| $2 $| $3
Rerror $| $+ $| $*	$@ $>"Refusal" $1
R$- $| $+ @ $+ $| $* <$*> $*	$# $1 $@ $3 $: $2 <@ $3>
R$- $| $+ $| $*		$# $1 $@ $2 $: $3
R<$*> $*		$#_RELAY_ $@ $1 $: $2

# ---- Refusal: [d.s.n or keyword :] text
SRefusal
R$- . $- . $- : $+		$#error $@ $1.$2.$3 $: $4
R$- : $+			$#error $@ $(dequote $1 $) $: $2
R$+				$#error $: $1

# ---- <user> address for the local mailer: the user, or the local part if there is none, and the whole address as host
SCanonLocal
R<$*> $+ $=O $+ <@ $*>		$@ $>Recurse $2 $3 $4
R<$*> <@ $*> : $+		$@ $>Recurse $3
R<$+ @ $+> $* <@ $*>		<$1> $3 <@ $4>
R<$*> $* <@ $* .>		<$1> $2 <@ $3>
R<$*> $* <@ $*> $*		$: <$1> $2 $| $2@$3
R<$*> $* $| $*			$: $3 $| <$1> <$2>
R<$*> $*			$: $2 $| <$1> <$2>
R$* $| <> <$*>			$#_LOCAL_ $@ $1 $: $2
R$* $| <$+> <$*>		$#_LOCAL_ $@ $1 $: $2

_WHEN_(`_MAILER_TABLE_', `_WHEN_(`_LDAP_ROUTING_', `# ---- the mailertable for a host that LDAP named; without an entry the relay mailer
SLDAPMailertable
R<$*> $*		$: $1 $| $2 $| $>TableRoute <$1> $2
R$* $| $* $| $# $*	$# $3
R$* $| $* $| $*		$#_RELAY_ $@ $1 $: $2')
# ---- TableRoute: <host> address; where the mailertable sends it, or the address
STableRoute
R<$*> $*		$: $(mailertable $1 $) $| $2
R$~[ : $* $| $*		$@ $>MailerToTriple <$1 : $2> $3
R$* $| $*		$@ $>Mailertable <$1> $2

# ---- Rule set 90: the parent domains of a host in the mailertable, in the end the dot that stands for all. In: <host> address
SMailertable=90
# labels off $| .labels left, or what the table has for them $| address
R<$*> $*		$: $| . $1 $| $2
R$| . $- . $+ $| $*	$: $1 $| $(mailertable . $2 $@ $1 $@ $1 $) $| $3
R$+ $| . $- . $+ $| $*	$1 . $2 $| $(mailertable . $3 $@ $1 . $2 $@ $2 $) $| $4
R$| . $* $| $*		$: $1 $| $(mailertable . $@ $1 $) $| $2
R$+ $| . $+ $| $*	$: $1 . $2 $| $(mailertable . $@ $1 . $2 $) $| $3
R$* $| $~[ : $* $| $*	$@ $>MailerToTriple <$2 : $3> $4
R$* $| $* $| $*		$@ $3')
