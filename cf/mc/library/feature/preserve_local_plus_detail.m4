divert(-1)
dnl FEATURE: user+detail stays whole for the local mailer
define(`_PRESERVE_LOCAL_PLUS_DETAIL_', `1')
