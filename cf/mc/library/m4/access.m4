dnl Look-ups in the access table, which third-party rules call too. D, A, F, E and U are called with
dnl <key> <default> <mark tag> <more> and return <value or default> <more>. With mark + the key is also looked up
dnl without its tag, with mark ! never. Inside, a workspace is <found or ?> <default> <more> <key> <mark tag>.
dnl _TRY_(key pattern, key, whole key, number of the mark, number of the tag): another form of the key while nothing is found
define(`_TRY_', `R<?> <$`'*> <$`'*> <$1> <$`'- $`'->	$: <$(access $`'$5`'_TAG_DELIM_`'$2 $: ? $)> <$`'1> <$`'2> <$3> <$`'$4 $`'$5>
R<?> <$`'*> <$`'*> <$1> <+ $`'->	$: <$(access $2 $: ? $)> <$`'1> <$`'2> <$3> <+ $`'$4>')dnl
ifdef(`_ACCESS_TABLE_', `# ---- D: a domain or [address] and its parents
SD
R<$*> <$*> <$- $-> <$*>	$: <$(access $4`'_TAG_DELIM_`'$1 $: ? $)> <$2> <$5> <$1> <$3 $4>
R<?> <$*> <$*> <$+> <+ $->	$: <$(access $3 $: ? $)> <$1> <$2> <$3> <+ $4>
_WHEN_(`_LOOKUPDOTDOMAIN_', `_TRY_(`$+.$+', `.$4', `$3.$4', `5', `6')')
_WHEN_(`_ACCESS_SKIP_', `R<SKIP> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>')
R<?> <$*> <$*> <[$+.$-]> <$- $->	$@ $>D <[$3]> <$1> <$5 $6> <$2>
ifdef(`NO_NETINET6', `dnl', `R<?> <$*> <$*> <[$+::$-]> <$- $->	$@ $>D <[$3]> <$1> <$5 $6> <$2>
R<?> <$*> <$*> <[$+:$-]> <$- $->	$@ $>D <[$3]> <$1> <$5 $6> <$2>')
R<?> <$*> <$*> <$+.$+> <$- $->	$@ $>D <$4> <$1> <$5 $6> <$2>
_WHEN_(`_FFR_LOOKUPTAG_', `R<?> <$*> <$*> <$+> <! $->	$: <$(access $4`'_TAG_DELIM_ $: ? $)> <$1> <$2> <$3> <! $4>')
R<?> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>
R<$* _ATMPF_> <$*> <$*> <$*> <$- $->	$@ <_ATMPF_> <$3>
R<$*> <$*> <$*> <$*> <$- $->	$@ <$1> <$3>

# ---- A: an address and the networks it is in
SA
R<$+> <$*> <$- $-> <$*>	$: <$(access $4`'_TAG_DELIM_`'$1 $: ? $)> <$2> <$5> <$1> <$3 $4>
R<?> <$*> <$*> <$+> <+ $->	$: <$(access $3 $: ? $)> <$1> <$2> <$3> <+ $4>
_WHEN_(`_ACCESS_SKIP_', `R<SKIP> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>')
ifdef(`NO_NETINET6', `dnl', `R<?> <$*> <$*> <$+::$-> <$- $->	$@ $>A <$3> <$1> <$5 $6> <$2>
R<?> <$*> <$*> <$+:$-> <$- $->	$@ $>A <$3> <$1> <$5 $6> <$2>')
R<?> <$*> <$*> <$+.$-> <$- $->	$@ $>A <$3> <$1> <$5 $6> <$2>
R<?> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>
R<$* _ATMPF_> <$*> <$*> <$*> <$- $->	$@ <_ATMPF_> <$3>
R<$*> <$*> <$*> <$*> <$- $->	$@ <$1> <$3>

# ---- F: user+detail@host, user+*@host, user@host
SF
R<$+> <$*> <$- $-> <$*>	$: <$(access $4`'_TAG_DELIM_`'$1 $: ? $)> <$2> <$5> <$1> <$3 $4>
R<?> <$*> <$*> <$+> <+ $->	$: <$(access $3 $: ? $)> <$1> <$2> <$3> <+ $4>
_TRY_(`$+ + $* @ $+', `$3+*@$5', `$3+$4@$5', `6', `7')
_TRY_(`$+ + $* @ $+', `$3@$5', `$3+$4@$5', `6', `7')
R<?> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>
R<$* _ATMPF_> <$*> <$*> <$*> <$- $->	$@ <_ATMPF_> <$3>
R<$*> <$*> <$*> <$*> <$- $->	$@ <$1> <$3>

# ---- E: the key as it is
SE
R<$*> <$*> <$- $-> <$*>	$: <$(access $4`'_TAG_DELIM_`'$1 $: ? $)> <$2> <$5> <$1> <$3 $4>
R<?> <$*> <$*> <$+> <+ $->	$: <$(access $3 $: ? $)> <$1> <$2> <$3> <+ $4>
R<?> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>
R<$* _ATMPF_> <$*> <$*> <$*> <$- $->	$@ <_ATMPF_> <$3>
R<$*> <$*> <$*> <$*> <$- $->	$@ <$1> <$3>

# ---- U: user+detail@, user+*@, user@
SU
R<$+> <$*> <$- $-> <$*>	$: <$(access $4`'_TAG_DELIM_`'$1 $: ? $)> <$2> <$5> <$1> <$3 $4>
R<?> <$*> <$*> <$+> <+ $->	$: <$(access $3 $: ? $)> <$1> <$2> <$3> <+ $4>
_TRY_(`$+ + $* @', `$3+*@', `$3+$4@', `5', `6')
_TRY_(`$+ + $* @', `$3@', `$3+$4@', `5', `6')
R<?> <$*> <$*> <$*> <$- $->	$@ <$1> <$2>
R<$* _ATMPF_> <$*> <$*> <$*> <$- $->	$@ <_ATMPF_> <$3>
R<$*> <$*> <$*> <$*> <$- $->	$@ <$1> <$3>

# ---- PeerEntry: <mark tag> name $| address; in brackets what the table has for the name of a host, else for its address, or ?
SPeerEntry
R<$- $-> $| $+		$@ $>AddressEntry <$1 $2> $3
R<$- $-> $+ $| $*	$: $>D <$3> <?> <$1 $2> <$1 $2 $| $4>
R<?> <$- $- $| $+>	$@ $>AddressEntry <$1 $2> $3
R<$*> <$*>		$@ <$1>

# ---- AddressEntry: <mark tag> address; the same for an address alone
SAddressEntry
R<$- $-> $*		$: $>A <$3> <?> <$1 $2> <>
R<$*> <>		$@ <$1>

# ---- PeerSetting: <tag> name $| address; the same, and for hosts that the table does not name what the tag alone has
SPeerSetting
R<$-> $*		$: $1 $| $>PeerEntry <! $1> $2
R$- $| <?>		$: $1 $| <$(access $1`'_TAG_DELIM_ $: ? $)>
R$- $| $*		$@ $2

# ---- SearchList: <mark tag> $| <set:key> <set:key> ... <>, the first value found or <?>; in place of the last <> may stand a value for that
C{Src}E F D U ifdef(`_FFR_SRCHLIST_A', `A')
SSearchList
# the keys that are left $| mark tag $| what was found
R<$+> $| $*		$: $2 $| $1 $| <?> <>
R<$={Src}:$*> <$* $| $+ $| <?> <>	<$3 $| $4 $| $>$1 <$2> <?> <$4> <>
R<$+> $| $+ $| <?> <>	$@ <$1>
R$* $| $+ $| <$+> <>	$@ <$3>', `dnl')
