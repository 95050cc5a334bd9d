divert(-1)
dnl FEATURE: bangs in local parts mean nothing; argument: reject or nospecial
ifelse(defn(`_ARG_'),, `_WRONG_(`FEATURE(nouucp) needs an argument: reject or nospecial')define(`_NO_UUCP_', `e')',
	substr(_ARG_, 0, 1), `r', `define(`_NO_UUCP_', `r')',
	substr(_ARG_, 0, 1), `n', `define(`_NO_UUCP_', `n')', `_WRONG_(`FEATURE(nouucp) does not know the argument '_ARG_)')
