divert(-1)
dnl FEATURE: bangs in local parts mean nothing; argument: reject or nospecial
ifelse(defn(`_ARG_'),, `_WRONG_(`missing argument for FEATURE(nouucp):
		say reject or nospecial.')define(`_NO_UUCP_', `e')',
	substr(_ARG_, 0, 1), `r', `define(`_NO_UUCP_', `r')',
	substr(_ARG_, 0, 1), `n', `define(`_NO_UUCP_', `n')', `_WRONG_(`illegal argument '_ARG_` for FEATURE(nouucp)')')
