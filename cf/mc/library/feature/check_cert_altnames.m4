divert(-1)
dnl FEATURE: alternative names in certificates count
define(`_FFR_TLS_ALTNAMES', `1')
LOCAL_CONFIG
O SetCertAltnames=true
divert(-1)
