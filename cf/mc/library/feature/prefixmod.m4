divert(-1)
dnl FEATURE: a prefix of recipients that sets delivery flags; arguments: prefix, flags
ifelse(defn(`_ARG_'),, `_WRONG_(`FEATURE(prefixmod) needs a prefix')', `define(`_PREFIX_MOD_', _ARG_)')
_NOARG_(`_ARG2_', `_WRONG_(`FEATURE(prefixmod) needs flags after the prefix')', `define(`_PREFIX_FLAGS_', _ARG2_)')
define(`_NEED_MACRO_MAP_', `1')
