divert(-1)
dnl FEATURE: blind copies; arguments: map or access, mailer and host of the copies, their address, map that makes it canonical
define(`_ADD_BCC_', `1')
ifelse(lower(_ARG_), `access', `define(`_BCC_ACCESS_', `1')_NEEDS_(`FEATURE(bcc)')')
_NOARG_(`_ARG4_',, `define(`_CANONIFY_BCC_', `1')define(`_NEED_SMTPOPMODES_', `1')')
LOCAL_CONFIG
ifdef(`_BCC_ACCESS_', `dnl', `Kbcctable ifelse(defn(`_ARG_'),, `DATABASE_MAP_TYPE MAIL_SETTINGS_DIR`'bcctable', `_ARG_')')
O AddBcc=true
_NOARG_(`_ARG2_', `dnl', `DA`'_ARG2_')
ifdef(`_CANONIFY_BCC_', `KcanonicalRcpt _ARG4_', `dnl')
LOCAL_RULESETS
# ---- bcc: who gets a copy of mail for this recipient
Sbcc
R<$*>			$: $1
R$* @ $+		$: $1 @ $2 $| entry ifdef(`_BCC_ACCESS_', `$>SearchList <! bcc> $| <D:$2> <>', `$>BCC $2')
R$* $| entry <?>	$@
R$* $| entry $*		$: _NOARG_(`_ARG3_', `$1', `_ARG3_')
ifdef(`_CANONIFY_BCC_', `# an address for the copies that the map does not know gets none
R$+ @ $+		$: copy $| $(canonicalRcpt $1 @ $2 $: $)
Rcopy $| $* <TMPF>	$#error $@ 4.3.0 $: _TMPFMSG_(`BCC')
Rcopy $| $*		$@ $1', `dnl')
ifdef(`_BCC_ACCESS_', `dnl', `# value or ? $| domain: the domain of the recipient, its parent with a dot, and so on two labels higher
SBCC
R$+			$: $(bcctable $1 $: ? $) $| $1
R? $| $- . $+		$: $(bcctable .$2 $: ? $) $| $2
R? $| $- . $+		$@ $>BCC $2
R$* $| $*		$@ <$1>')
divert(-1)
