divert(-1)
dnl FEATURE: clients that have just read their mail may relay (POP before SMTP); argument: map
define(`_DRAC_', `')
LOCAL_CONFIG
Kdrac ifelse(defn(`_ARG_'),, `DATABASE_MAP_TYPE MAIL_SETTINGS_DIR`'drac', `_ARG_')
divert(-1)
