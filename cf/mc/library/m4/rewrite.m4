dnl Rule sets 3, 96, 4, 97, 93 and 94: from any address form to local-part <@ host .> and back, and masquerading.
# ---- Rule set 3: any written form of an address becomes  local-part <@ host .>
Scanonify=3
# without brackets, colons, a last semicolon or an at-sign in front there is nothing to unwrap
R$* < $*		$@ $>Unwrap $1 < $2
R$* > $*		$@ $>Unwrap $1 > $2
R$* : $*		$@ $>Unwrap $1 : $2
R$* ;			$@ $>Unwrap $1 ;
R@ $*			$@ $>Unwrap @ $1
R$*			$@ $>Focus $1

# ---- Focus: an address without wrapping; first local part $| host, then the inner form
SFocus
# the rightmost at-sign stands before the host
R$+ @ $+		$: $1 $| $2
R$+ $| $* @ $+		$1 @ $2 $| $3
R$+ $| $+		$@ $>Canonify2 $1 <@ $2>
_UNLESS_(`_NO_UUCP_', `# host!user; a host with a domain is none of UUCP
R$- ! $+		$@ $>SplitHost $2 $| $1 . UUCP
R$+ . $- ! $+		$@ $>SplitHost $3 $| $1 . $2
R$+ ! $+		$@ $>SplitHost $2 $| $1 . UUCP')
_WHEN_(`_USE_DECNET_SYNTAX_', `R$- :: $+		$@ $>SplitHost $2 $| $1 . DECNET
R$- . $- :: $+		$@ $>SplitHost $3 $| $1 . $2 . DECNET')
ifdef(`_NO_PERCENTHACK_', `R$* @ $*		$@ $>SplitHost $1 $| $2', `# no at-sign has something on both sides: percent signs stand for it, the rightmost counts
R$* @ $*		$1 % $2
R$* % $*		$: $1 $| $2
R$* $| $* % $*		$1 % $2 $| $3
R$* $| $*		$@ $>SplitHost $1 $| $2')
R$+			$@ $>Canonify2 $1
R$*			$@ <@>

SSplitHost
R$* $| $*		$@ $>Canonify2 $1 <@ $2>

# ---- Unwrap: an address with brackets, a group, a comment or a source route around it
SUnwrap
R$*			$: $>StripPhrase $1
R$* ;			$1
# a group without members
R$* < $+ :; > $*	$: group $| $2
R$@			$: group $|
Rgroup $| $*		$@ $1 :; <@>
# of nested brackets the innermost count
R$* < $*		inner $| $2
Rinner $| $* ; >	inner $| $1 >
Rinner $| $*		$: $1
R$* > $*		$: $1
ifdef(`_USE_DEPRECATED_ROUTE_ADDR_', `# the first hop of a source route is the host, what follows stands behind it
R@ $+			$: $>Hop @ $1
R$+ $| $+		$@ $>Canonify2 <@ $1> : $2', `# of a source route the destination
R@ $+			$: $>Hop @ $1
R$+ $| @ $+		$>Hop @ $2
R$+ $| $+		$: $2')
# a group with members has no host, unless one follows it
R$+ : $* ; @ $+		$@ $>SplitHost $1 : $2 ; $| $3
R$+ : $* ;		$@ $1 : $2 ;
R$*			$@ $>Focus $1

# ---- StripPhrase: the name of a group, or the comment before a colon, goes; a colon that belongs to the address stays
SStripPhrase
R$* <@>			$: $1
R$* : $* [ $* ]		$@ $2 [ $3 ]
R$* < $* > $*		$@ $1 < $2 > $3
R$* :: $*		$@ $1 :: $2
R$* [ IPv6 : $+ ]	$@ $1 [ IPv6 : $2 ]
R@ $+			$@ @ $1
R:`include': $*		$@ :`include': $1
R$* : $*		$@ $2

# ---- Hop: source route; its first hop $| the rest, if it has one
SHop
ifdef(`_USE_DEPRECATED_ROUTE_ADDR_', `R$- $+ , $+		$1 $2 : $3', `R@ $+ , $+		$@ $1 $| $2')
ifdef(`NO_NETINET6', `dnl', `R@ [$+] : $+		$@ [$1] $| $2')
R@ $+ : $+		$@ $1 $| $2

# ---- Rule set 96: the host name gets its full form and, if it is known to be one, a final dot
SCanonify2=96
# local part $| what follows this host
R$* <@ localhost> $*		$: $1 $| $2
R$* <@ localhost . $m> $*	$: $1 $| $2
_UNLESS_(`_NO_UUCP_', `R$* <@ localhost . UUCP> $*	$: $1 $| $2')
R$* $| $*			$: $1 <@ $j .> $2
# an address in brackets, or a host behind a second @ as of @host!user: this host, or nothing to look up
R$* <@@ $+> $*			$: $1 <: $2> $3
R$* <@ [$+]> $*			$: $1 <: [$2]> $3
R$* <: $=w> $*			$: $1 <@ $j .> $3
R$* <: $+> $*			$@ $1 <@ $2> $3
dnl _RENAMED_(hosts, look-up): a table that knows other names of hosts
define(`_RENAMED_', `R$`'* <@ $1> $`'*			$: $`'1 $| $`'3 $| $2
R$`'* $| $`'* $| $`'*			$: $`'1 <@ $`'3> $`'2')dnl
_WHEN_(`_DOMAIN_TABLE_', `_RENAMED_(`$+', `$(domaintable $2 $)')')
undivert(2)dnl
_WHEN_(`_BITDOMAIN_TABLE_', `_RENAMED_(`$+ .BITNET', `$(bitdomain $2 $: $2.BITNET $)')')
_WHEN_(`_UUDOMAIN_TABLE_', `_RENAMED_(`$+ .UUCP', `$(uudomain $2 $: $2.UUCP $)')')
dnl _NEIGHBOURS_: hosts of a UUCP class are complete names; all are, if there is a relay for them
define(`_NEIGHBOURS_', `ifdef(`UUCP_RELAY', `_NEIGHBOUR_(`$+')', `ifdef(`_CLASS_U_', `_NEIGHBOUR_(`$=U')')ifdef(`_CLASS_V_', `_NEIGHBOUR_(`$=V')')ifdef(`_CLASS_W_', `_NEIGHBOUR_(`$=W')')ifdef(`_CLASS_X_', `_NEIGHBOUR_(`$=X')')ifdef(`_CLASS_Y_', `_NEIGHBOUR_(`$=Y')')')')dnl
define(`_NEIGHBOUR_', `R$`'* <@ $1 . UUCP> $`'*		$: $`'1 $| $`'3 $| $`'2
')dnl
_UNLESS_(`_NO_UUCP_', `ifelse(_NEIGHBOURS_,, `dnl', `# local part $| what follows $| host of UUCP
_NEIGHBOURS_`'R$* $| $* $| $+			$@ $1 <@ $3 . UUCP .> $2')
ifdef(`UUCP_RELAY', `dnl', `ifdef(`_NO_CANONIFY_', `dnl', `# local part $| what follows $| host of UUCP $| what the name service knows it by, with a dot if it does
R$* <@ $+ . UUCP> $*		$: $1 $| $3 $| $2 $| $[ $2 $]
R$* $| $* $| $+ $| $+ .		$@ $1 <@ $4 .> $2
R$* $| $* $| $+ $| $*		$@ $1 <@ $3 . UUCP .> $2')')')
R$* <@ $+> $*			$: $1 $| $3 $| $>"Hostname" $2
R$* $| $* $| $*			$: $1 <@ $3> $2

# ---- Hostname: a host name by itself. Class P needs no look-up; for the rest macro daemon_flags has a say
SHostname
R$* $=P			$: $1 $2 .
R$* $~P			$: $&{daemon_flags} $| $1 $2
ifdef(`_NO_CANONIFY_', `# without look-ups, but for class Canonify and the daemon flag c; a name with a domain is complete
R$* $| $* $={Canonify}	$: $[ $2 $3 $]
R$* c $* $| $*		$: $[ $3 $]
R$* $| $+ . $+		$: $2 . $3 .
R$* $| $+		$: ifdef(`_CANONIFY_HOSTS_', `$[ $2 $]', `$2')', `# with a look-up, unless the daemon flag C forbids it: then a name with a domain is complete
R$* CC $* $| $+ . $+	$: $3 . $4 .
R$* CC $* $| $+		$: $3
_WHEN_(`_FFR_NOCANONIFY_HEADERS', `R$* $| $+		$: $&{addr_type} $| $2
R$* h $* $| $+ . $+	$: $3 . $4 .
R$* h $* $| $+		$: $3')
R$* $| $+		$: $[ $2 $]')
# own names, hidden and virtual domains are complete as they stand
dnl _COMPLETE_(class, flag): hosts of the class, or with the flag also those below, get the dot
define(`_COMPLETE_', `ifdef(`$2', `R$`'* $`'=$1		$: $`'1 $`'2 .', `R$`'=$1			$: $`'1 .')')dnl
_COMPLETE_(`w')
_COMPLETE_(`M', `_MASQUERADE_ENTIRE_DOMAIN_')
_WHEN_(`_VIRTUSER_TABLE_', `_COMPLETE_(`{VirtHost}', `_VIRTUSER_ENTIRE_DOMAIN_')')
_WHEN_(`_GENERICS_TABLE_', `_COMPLETE_(`G', `_GENERICS_ENTIRE_DOMAIN_')')
R$* . .			$1 .

# ---- Rule set 4: back to the written form, the last step of every rewriting
Sfinal=4
# without a host only the name of a group stays
R$* <@>			$: nowhere $| $1
Rnowhere $| $+ :;	$@ $1 :
Rnowhere $| $*		$@
# local part @ host $| what follows it: the dot goes, this host gets its name
R$* <@ $+> $*		$: $1 @ $2 $| $3
R$* @ $+ . $| $*	$1 @ $2 $| $3
R$* @ *LOCAL* $| $*	$: $1 @ $j $| $2
R$* $| $*		$: $1 $2
R$* < $+ > $*		$1 $2 $3
# the hops of a source route have commas in between
R@ $*			$: route $| $1
Rroute $| $+ : @ $+ : $+	route $| $1 , @ $2 : $3
Rroute $| $*		$@ @ $1
_UNLESS_(`_NO_UUCP_', `R$+ @ $- . UUCP		$2 ! $1')
_WHEN_(`_USE_DECNET_SYNTAX_', `R$+ @ $+ . DECNET	$@ $2 :: $1')
# local part $| this host: a percent sign before another name of this host ends the local part
R$+ % $+ @ $=w		$: $1 % $2 $| $3
R$+ % $=w $| $=w	$1 $| $2
R$+ $| $+		$: $1 @ $2

# ---- Rule set 97: a changed address goes through 3 and 0 again
SRecurse=97
R$*			$@ $>parse $>canonify $1

# ---- FullName: this host, where it has no name yet, gets the one that the world knows
SFullName
R$* <@ *LOCAL* $*	$@ $1 <@ $j . $2

# ---- Rule set 93: senders, and with allmasquerade recipients, in headers as others shall see them
SMasqHdr=93
_WHEN_(`_GENERICS_TABLE_', `# address $| what the table has for it
ifdef(`_GENERICS_ENTIRE_DOMAIN_', `R$+ <@ $* $=G .>	$: $1 <@ $2 $3 .> $| $>Generics $1 $| $2 $3 $| @ $2 $3', `R$+ <@ $=G .>		$: $1 <@ $2 .> $| $>Generics $1 $| $2 $| @ $2')
R$+ <@ *LOCAL*>		$: $1 <@ *LOCAL*> $| $>Generics $1 $| $j $|
R$+ $|			$: $1
R$+ $| $* @ $*		$@ $>canonify $2 @ $3
R$+ $| $+		$: $>canonify $2 @ *LOCAL*')
ifdef(`MASQUERADE_NAME', `# local part $| host $| what follows $| hide or show; then, with the new host in the last place, or nothing
R$* <@ $+> $*		$: $1 $| $2 $| $3 $| $>Guise $2 $| $3
R$=E $| $+ $| $| hide	$: $1 $| $2 $| $| show
R$* $| $+ $| $* $| show	$: $1 $| $2 $| $3 $|
R$* $| $+ $| $* $| hide	$: $1 $| $2 $| $3 $| $M
R$* $| $+ $| $* $| $+	$@ $1 <@ $4 .> $3
dnl of two hosts the second counts: only an address that did not go through rule set 3 has two
R$* $| $+ @ $+ $| $* $|	$@ $1 <@ $3 .> $4
R$* $| $+ $| $* $|	$@ $>FullName $1 <@ $2> $3', `R$* <@ *LOCAL*>		$@ $>FullName $1 <@ *LOCAL*>')

_WHEN_(`MASQUERADE_NAME', `# ---- Guise: host $| what follows the address; is the host hidden? Class N is for plain addresses only
SGuise
R$* $=N . $|		$@ show
R*LOCAL* $| $*		$@ hide
ifdef(`_MASQUERADE_ENTIRE_DOMAIN_', `R$* $=M . $| $*		$@ hide', `R$=M . $| $*		$@ hide')
_UNLESS_(`_LIMITED_MASQUERADE_', `R$=w . $| $*		$@ hide')
R$*			$@ show')

_WHEN_(`_GENERICS_TABLE_', `# ---- Generics: user $| host $| @host, if that counts; what the table has for the first of their keys, or nothing
SGenerics
R$+ $| $+ $| $*		$: $(generics $1@$2 $: $) $| $1 $| $2 $| $3
R$| $+ + $* $| $+ $| $*	$: $(generics $1+*@$3 $@ $2 $: $) $| $1 + $2 $| $3 $| $4
R$| $+ + $* $| $+ $| $*	$: $(generics $1@$3 $: $) $| $1 + $2 $| $3 $| $4
R$| $+ $| $+ $| $+	$: $(generics $3 $@ $1 $: $) $| $1 $| $2 $|
R$| $+ $| $+ $|		$: $(generics $1 $: $) $| $1
R$| $+ + $*		$: $(generics $1+* $@ $2 $: $) $| $1 + $2
R$| $+ + $*		$: $(generics $1 $: $) $| $1 + $2
R$* $| $*		$@ $1')

# ---- Rule set 94: the same for senders in envelopes
SMasqEnv=94
ifdef(`_MASQUERADE_ENVELOPE_', `R$*			$@ $>MasqHdr $1', `R$*			$@ $>FullName $1')
