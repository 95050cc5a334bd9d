divert(-1)
dnl FEATURE: a table of addresses of virtual domains and who gets their mail; argument: map
define(`_VIRTUSER_TABLE_', `')
_TABLE_(`virtuser', `virtusertable', `virtuser')
