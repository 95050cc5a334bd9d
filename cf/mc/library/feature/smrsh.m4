divert(-1)
dnl FEATURE: programs run under the restricted shell; argument: its path
_EARLY_(`smrsh', `local')
define(`LOCAL_SHELL_PATH', ifelse(defn(`_ARG_'),, `ifdef(`confEBINDIR', confEBINDIR, `/usr/libexec')`/smrsh'', `_ARG_'))
_DEFIFNOT(`LOCAL_SHELL_ARGS', `smrsh -c $u')
