dnl _LIMIT_(rule set, tag, macro, token, reply): a number of the access table that a client must not exceed
define(`_LIMIT_', `S$1
_WHEN_(`_ACCESS_TABLE_', `R$`'*			$: limit $>PeerSetting <$2> $| $`'&{client_addr}
Rlimit <$`'* _ATMPF_>	_TMPF_(`$4')
dnl no entry, which is ?, and 0 mean that there is no limit
Rlimit <$`'+>		$: $`'1 $| $(arith l $`'@ $`'1 $`'@ $`'&{$3} $)
R? $| $`'*		$`'@ OK
R0 $| $`'*		$`'@ OK
R$`'+ $| TRUE		$`'#error $`'@ 4.3.2 $: $5')')dnl
_WHEN_(`_RATE_CONTROL_', `# ---- RateControl: connections of a client in a minute
_LIMIT_(`RateControl', `ClientRate', `client_rate', `RC', `_RATE_CONTROL_REPLY Connection rate limit exceeded.')')
_WHEN_(`_CONN_CONTROL_', `# ---- ConnControl: open connections of a client
_LIMIT_(`ConnControl', `ClientConn', `client_connections', `CC', `_CONN_CONTROL_REPLY Too many open connections.')')
