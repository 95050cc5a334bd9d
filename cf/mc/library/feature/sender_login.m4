divert(-1)
dnl FEATURE: who has logged in sends only as the addresses that a table gives him, and strangers do not send as these; arguments: map, everybody to ask clients on this host too
dnl The keys are addresses, user@, @domain and <>; the values are logins with commas between.
define(`_SENDER_LOGIN_', ifelse(_ARG2_, `everybody', `everybody', `others'))
LOCAL_CONFIG
Ksenderlogin ifelse(defn(`_ARG_'),, `DATABASE_MAP_TYPE -T<TMPF> MAIL_SETTINGS_DIR`'sender-login', `_ARG_')
divert(-1)
