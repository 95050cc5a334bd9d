divert(-1)
dnl FEATURE: the access table may refuse recipients
_NEEDS_(`FEATURE(blocklist_recipients)')
ifdef(`_ACCESS_TABLE_', `define(`_BLOCKLIST_RCPT_', `1')')
