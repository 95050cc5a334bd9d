divert(-1)
dnl FEATURE: all mail goes to one hub; argument: the hub
ifelse(defn(`_ARG_'),, `_WRONG_(`FEATURE(nullclient) needs the name of the hub')', `define(`_NULL_CLIENT_', _ARG_)')
undefine(`ALIAS_FILE')
_DEFIFNOT(`confFROM_HEADER', `<$g>')
_VALUES_(`SMART_HOST', _NULL_CLIENT_, `MAIL_HUB', _NULL_CLIENT_, `confFORWARD_PATH', `', `_DEF_LOCAL_MAILER_FLAGS', `lsDFM5q')
dnl everybody here writes as a user of the hub
MASQUERADE_AS(_NULL_CLIENT_)FEATURE(`masquerade_envelope')FEATURE(`allmasquerade')
MAILER(`local')MAILER(`smtp')
