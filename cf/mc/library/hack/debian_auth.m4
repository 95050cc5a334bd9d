divert(-1)
dnl HACK: trusted users may authenticate as anybody
define(`confDEF_AUTH_INFO', `MAIL_SETTINGS_DIR`'default-auth-info')
define(`confTRUSTED_USERS', ifdef(`confTRUSTED_USERS', `defn(`confTRUSTED_USERS')`,'')`sendmail')
LOCAL_RULESETS
SLocal_trust_auth
ifdef(`DEBIAN_DEBUG', `R$*			$: $(log authtype:$&{auth_type} $) $(log authauthen:$&{auth_authen} $) $(log authauthor:$&{auth_author} $)', `dnl')
R$*			$: user $| $&{auth_authen}
Ruser $| $=t		$@ $#ok
divert(-1)
