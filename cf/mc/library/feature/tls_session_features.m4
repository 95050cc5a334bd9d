divert(-1)
dnl FEATURE: the access table holds TLS settings for each client and server
define(`_TLS_SESSION_FEATURES_', `1')
