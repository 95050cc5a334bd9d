divert(-1)
dnl FEATURE: percent signs in local parts mean nothing; argument: reject or nospecial
ifelse(defn(`_ARG_'),, `_WRONG_(`FEATURE(nopercenthack) needs an argument: reject or nospecial')define(`_NO_PERCENTHACK_', `e')',
	substr(_ARG_, 0, 1), `r', `define(`_NO_PERCENTHACK_', `r')',
	substr(_ARG_, 0, 1), `n', `define(`_NO_PERCENTHACK_', `n')', `_WRONG_(`FEATURE(nopercenthack) does not know the argument '_ARG_)')
