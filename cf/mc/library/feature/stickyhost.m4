divert(-1)
dnl FEATURE: user@here goes to MAIL_HUB too, and bare users to LOCAL_RELAY
define(`_STICKY_LOCAL_DOMAIN_', `1')
