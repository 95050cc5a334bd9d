divert(-1)
dnl FEATURE: client and sender are checked when the recipient is known; arguments: friend or hater, then anything to take SPAMFRIEND for an error text
define(`_DELAY_CHECKS_', `1')
ifelse(defn(`_ARG_'),,, lower(substr(_ARG_, 0, 1)), `f', `define(`_SPAM_FRIEND_', `1')define(`_SPAM_FH_', `1')',
	lower(substr(_ARG_, 0, 1)), `h', `define(`_SPAM_HATER_', `1')define(`_SPAM_FH_', `1')',
	`_WRONG_(`FEATURE(delay_checks) does not know the argument '_ARG_)')
_NOARG_(`_ARG2_', `define(`_DELAY_COMPAT_8_10_', `1')')
