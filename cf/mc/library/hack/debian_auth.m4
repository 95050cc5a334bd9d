divert(-1)
dnl HACK: trusted users may authenticate as anybody
define(`confDEF_AUTH_INFO', `MAIL_SETTINGS_DIR`'default-auth-info')
define(`confTRUSTED_USERS', ifdef(`confTRUSTED_USERS', `defn(`confTRUSTED_USERS')`,'')`sendmail')
LOCAL_RULESETS
SLocal_trust_auth
R$*			$: $&{auth_authen}
ifdef(`DEBIAN_DEBUG', `R$*			$: $(log authtype:$&{auth_type} $) $1
R$*			$: $(log authauthen:$&{auth_authen} $) $1
R$*			$: $(log authauthor:$&{auth_author} $) $1', `dnl')
R$=t			$@ $#ok
divert(-1)
