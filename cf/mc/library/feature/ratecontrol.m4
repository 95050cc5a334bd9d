divert(-1)
dnl FEATURE: the access table limits how often a client connects; arguments: nodelay to check before the first recipient, terminate to close the connection
_NEEDS_(`FEATURE(ratecontrol)')
ifdef(`_ACCESS_TABLE_', `define(`_RATE_CONTROL_', `1')define(`_FFR_SRCHLIST_A', `1')
ifelse(defn(`_ARG_'),,, strcasecmp(defn(`_ARG_'), `nodelay'), `1', `ifdef(`_DELAY_CHECKS_',
	`define(`_RATE_CONTROL_IMMEDIATE_', `1')define(`_CONTROL_IMMEDIATE_', `1')',
	`_WRONG_(`FEATURE(ratecontrol, nodelay) needs FEATURE(delay_checks) before it')')', `_WRONG_(`FEATURE(ratecontrol) does not know the argument 'defn(`_ARG_'))')
_NOARG_(`_ARG2_',, `ifelse(_ARG2_, `terminate', `define(`_RATE_CONTROL_REPLY', `421')', `_WRONG_(`FEATURE(ratecontrol) does not know the argument '_ARG2_)')')')
_DEFIFNOT(`_RATE_CONTROL_REPLY', `452')
