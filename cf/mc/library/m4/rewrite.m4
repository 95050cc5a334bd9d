dnl Rule sets 3, 96, 4, 97, 93 and 94: from any address form to local-part <@ host .> and back, and masquerading.
# ---- Rule set 3: any written form of an address becomes  local-part <@ host .>
Scanonify=3
# a null address has the inner form <@>
R$@			$@ <@>
R$* <@>			$: $1
R$*			$: $>StripPhrase $1
R$* ;			$1
# a group without members
R$* <$+ :;> $*		$@ $2 :; <@>
R$* <$* ;>		$1 <$2>
R$@			$@ :; <@>
# of nested brackets the innermost count: what follows the last opening one, up to the first closing one
R$* < $*		$2
R$* > $*		$1
R$@			$@ <@>
ifdef(`_USE_DEPRECATED_ROUTE_ADDR_', `# source routes: commas become colons, and the first hop leads
R@ $+ , $+		@ $1 : $2
ifdef(`NO_NETINET6', `dnl', `R@ [$+] : $+		$@ $>Canonify2 <@ [$1]> : $2')
R@ $+ : $+		$@ $>Canonify2 <@ $1> : $2', `# of a source route only the destination stays
R@ $+ , $+		$2
ifdef(`NO_NETINET6', `dnl', `R@ [$*] : $+		$2')
R@ $+ : $+		$2')
# groups with members
R$+ : $* ; @ $+		$@ $>Canonify2 $1 : $2 ; <@ $3>
R$+ : $* ;		$@ $1 : $2;
# the rightmost at-sign splits local part and host
R$+ @ $+		$: $1 <@> $2
R$+ <@> $* @ $+		$1 @ $2 <@> $3
R$+ <@> $+		$@ $>Canonify2 $1 <@ $2>
_UNLESS_(`_NO_UUCP_', `# host!user
R$- ! $+		$@ $>Canonify2 $2 <@ $1 .UUCP>
R$+ . $- ! $+		$@ $>Canonify2 $3 <@ $1 . $2>
R$+ ! $+		$@ $>Canonify2 $2 <@ $1 .UUCP>')
_WHEN_(`_USE_DECNET_SYNTAX_', `# node::user and area.node::user
R$- :: $+		$@ $>Canonify2 $2 <@ $1 .DECNET>
R$- . $- :: $+		$@ $>Canonify2 $3 <@ $1 . $2 .DECNET>')
_UNLESS_(`_NO_PERCENTHACK_', `# user%host: the rightmost percent sign is an at-sign
R$* % $*		$1 @ $2')
R$* @ $*		$: $1 <@> $2
ifdef(`_NO_PERCENTHACK_', `dnl', `R$* <@> $* @ $*		$1 % $2 <@> $3')
R$* <@> $*		$@ $>Canonify2 $1 <@ $2>
R$*			$@ $>Canonify2 $1

# the name of a group, or the comment before a colon, goes; a colon that belongs to the address stays
SStripPhrase
R$* : $* [ $* ]		$@ $2 [ $3 ]
R$* < $* > $*		$@ $1 < $2 > $3
R@ $*			$@ @ $1
R$* [ IPv6 : $+ ]	$@ $1 [ IPv6 : $2 ]
R$* :: $*		$@ $1 :: $2
R:`include': $*		$@ :`include': $1
R$* : $*		$@ $2

# ---- Rule set 96: the host name gets its full form and, if it is known to be one, a final dot
SCanonify2=96
R$* <@ localhost> $*		$: $1 <@ $j .> $2
R$* <@ localhost . $m> $*	$: $1 <@ $j .> $2
_UNLESS_(`_NO_UUCP_', `R$* <@ localhost . UUCP> $*	$: $1 <@ $j .> $2')
# a host behind a second @, as of @host!user: this host, or nothing to look up
R$* <@@ $+> $*			$: $1 <: $2> $3
R$* <: $=w> $*			$: $1 <@ $j .> $3
R$* <: $+> $*			$@ $1 <@ $2> $3
# an address in brackets: this host, or nothing to look up
R$* <@ [$+]> $*			$: $1 <[$2]> $3
R$* <$=w> $*			$: $1 <@ $j .> $3
R$* <[$+]> $*			$@ $1 <@ [$2]> $3
_WHEN_(`_DOMAIN_TABLE_', `R$* <@ $+> $*			$: $1 <@ $(domaintable $2 $)> $3')
undivert(2)dnl
_WHEN_(`_BITDOMAIN_TABLE_', `R$* <@ $+ .BITNET> $*		$: $1 <@ $(bitdomain $2 $: $2.BITNET $)> $3')
_WHEN_(`_UUDOMAIN_TABLE_', `R$* <@ $+ .UUCP> $*		$: $1 <@ $(uudomain $2 $: $2.UUCP $)> $3')
dnl _NEIGHBOUR_(class): hosts of a UUCP class are complete names
define(`_NEIGHBOUR_', `ifdef(`_CLASS_$1_', `R$`'* <@ $`'=$1 . UUCP> $`'*	$`'@ $`'1 <@ $`'2 . UUCP .> $`'3
')')dnl
_UNLESS_(`_NO_UUCP_', `ifdef(`UUCP_RELAY', `R$* <@ $+ . UUCP> $*		$@ $1 <@ $2 . UUCP .> $3',
`_NEIGHBOUR_(`U')_NEIGHBOUR_(`V')_NEIGHBOUR_(`W')_NEIGHBOUR_(`X')_NEIGHBOUR_(`Y')ifdef(`_NO_CANONIFY_', `dnl',
`R$* <@ $+ . UUCP> $*		$: $1 <@ $[ $2 $] . UUCP .> $3
R$* <@ $+ . . UUCP .> $*	$@ $1 <@ $2 .> $3')')')
R$* <@ $+> $*			$: $1 $| $3 $| $>"Hostname" $2
R$* $| $* $| $*			$: $1 <@ $3> $2

# ---- Hostname: a host name by itself. Class P needs no look-up; for the rest macro daemon_flags has a say
SHostname
R$* $=P			$: $1 $2 .
R$* $~P			$: $&{daemon_flags} $| $1 $2
ifdef(`_NO_CANONIFY_', `# without look-ups, but for class Canonify and the daemon flag c
R$* $| $* $={Canonify}	$: $[ $2 $3 $]
R$* c $* $| $*		$: $[ $3 $]
R$* $| $+ .		$: $2 .
R$* $| $+ . $+		$: $2 . $3 .
_WHEN_(`_CANONIFY_HOSTS_', `R$* $| $*		$: $[ $2 $]')', `# with a look-up, unless the daemon flag C forbids it
R$* CC $* $| $+ . $+	$: $3 . $4 .
R$* CC $* $| $*		$: $3
_WHEN_(`_FFR_NOCANONIFY_HEADERS', `R$* $| $* $~P		$: $&{addr_type} $| $2 $3
R$* h $* $| $+ . $+	$: $3 . $4 .
R$* h $* $| $*		$: $3')
R$* $| $*		$: $[ $2 $]')
R$* $| $*		$: $2
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
R$+ :; <@>		$@ $1 :
R$* <@>			$@
R$* <@ $+ .> $*		$1 <@ $2> $3
R$* <@ *LOCAL*> $*	$1 <@ $j> $2
R$* <$+> $*		$1 $2 $3
# source routes keep their commas
R@ $+ : @ $+ : $+	@ $1 , @ $2 : $3
R@ $*			$@ @ $1
_UNLESS_(`_NO_UUCP_', `R$+ @ $- . UUCP		$2!$1')
_WHEN_(`_USE_DECNET_SYNTAX_', `R$+ @ $+ . DECNET	$2 :: $1')
# user%here@here
R$+ % $=w @ $=w		$1 @ $2

# ---- Rule set 97: a changed address goes through 3 and 0 again
SRecurse=97
R$*			$@ $>parse $>canonify $1

# ---- FullName: this host, where it has no name yet, gets the one that the world knows
SFullName
R$* <@ *LOCAL* $*	$@ $1 <@ $j . $2

# ---- Rule set 93: senders, and with allmasquerade recipients, in headers as others shall see them
SMasqHdr=93
_WHEN_(`_GENERICS_TABLE_', `ifdef(`_GENERICS_ENTIRE_DOMAIN_', `R$+ <@ $* $=G .>	$: <?> $1 <@ $2 $3 .> $| $1@$2$3', `R$+ <@ $=G .>		$: <?> $1 <@ $2 .> $| $1@$2')
R$+ <@ *LOCAL*>		$: <?> $1 <@ *LOCAL*> $| $1@$j
# keys in turn: user+detail@host, user+*@host, user@host, @host, then the same without host
R<?> $+ <@ $+> $| $+	$: <$(generics $3 $: ? $)> $1 <@ $2> $| $3
R<?> $* $| $+ + $* @ $+	$: <$(generics $2+*@$4 $@ $3 $: ? $)> $1 $| $2 + $3 @ $4
R<?> $* $| $+ + $* @ $+	$: <$(generics $2@$4 $: ? $)> $1 $| $2 + $3 @ $4
R<$+> $* $| $*		$: <$1> $2
R<?> $+ <@ $+ .>	$: <$(generics @$2 $@ $1 $: ? $)> $1 <@ $2 .>
R<?> $+ <@ $+>		$: <$(generics $1 $: ? $)> $1 <@ $2>
R<?> $+ + $* <@ $+>	$: <$(generics $1+* $@ $2 $: ? $)> $1 + $2 <@ $3>
R<?> $+ + $* <@ $+>	$: <$(generics $1 $: ? $)> $1 + $2 <@ $3>
R<?> $*			$: $1
R<$* @ $*> $* <$*>	$@ $>canonify $1 @ $2
R<$+> $* <$*>		$: $>canonify $1 @ *LOCAL*')
R$* <@ $* $=N .>	$@ $1 <@ $2 $3 .>
ifdef(`MASQUERADE_NAME', `# users of class E keep their host
R$=E <@ *LOCAL*>	$@ $1 <@ $j .>
ifdef(`_MASQUERADE_ENTIRE_DOMAIN_', `R$=E <@ $* $=M .>	$@ $1 <@ $2 $3 .>', `R$=E <@ $=M .>		$@ $1 <@ $2 .>')
ifdef(`_LIMITED_MASQUERADE_', `dnl', `R$=E <@ $=w .>		$@ $1 <@ $2 .>')
# the host and its new name side by side; an empty new name changes nothing
ifdef(`_MASQUERADE_ENTIRE_DOMAIN_', `R$* <@ $* $=M .> $*	$: $1 <@ $2 $3 . @ $M> $4', `R$* <@ $=M .> $*	$: $1 <@ $2 . @ $M> $3')
ifdef(`_LIMITED_MASQUERADE_', `dnl', `R$* <@ $=w .> $*	$: $1 <@ $2 . @ $M> $3')
R$* <@ *LOCAL*> $*	$: $1 <@ $j . @ $M> $2
R$* <@ $+ @> $*		$: $1 <@ $2> $3
R$* <@ $+ @ $+> $*	$: $1 <@ $3 .> $4', `R$* <@ *LOCAL*>		$@ $1 <@ $j .>')

# ---- Rule set 94: the same for senders in envelopes
SMasqEnv=94
ifdef(`_MASQUERADE_ENVELOPE_', `R$*			$@ $>MasqHdr $1', `R$*			$@ $>FullName $1')
