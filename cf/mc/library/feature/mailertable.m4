divert(-1)
dnl FEATURE: a table of domains and the mailers and hosts that take their mail; argument: map
define(`_MAILER_TABLE_', `')
_TABLE_(`mailertable', `mailertable', `mailer')
