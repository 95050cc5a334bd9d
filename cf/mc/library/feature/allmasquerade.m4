divert(-1)
dnl FEATURE: recipients in headers are masqueraded too
_EARLY_(`allmasquerade', `local')_EARLY_(`allmasquerade', `uucp')
define(`_ALL_MASQUERADE_', `1')
