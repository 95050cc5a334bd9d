divert(-1)
dnl FEATURE: the access table limits the open connections of a client; arguments: nodelay to check before the first recipient, terminate to close the connection
_NEEDS_(`FEATURE(conncontrol)')
ifdef(`_ACCESS_TABLE_', `define(`_CONN_CONTROL_', `1')define(`_FFR_SRCHLIST_A', `1')
ifelse(defn(`_ARG_'),,, strcasecmp(defn(`_ARG_'), `nodelay'), `1', `ifdef(`_DELAY_CHECKS_',
	`define(`_CONN_CONTROL_IMMEDIATE_', `1')define(`_CONTROL_IMMEDIATE_', `1')',
	`_WRONG_(`FEATURE(conncontrol, nodelay) needs FEATURE(delay_checks) before it')')', `_WRONG_(`FEATURE(conncontrol) does not know the argument 'defn(`_ARG_'))')
_NOARG_(`_ARG2_',, `ifelse(_ARG2_, `terminate', `define(`_CONN_CONTROL_REPLY', `421')', `_WRONG_(`FEATURE(conncontrol) does not know the argument '_ARG2_)')')')
_DEFIFNOT(`_CONN_CONTROL_REPLY', `452')
