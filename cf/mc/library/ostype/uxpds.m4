divert(-1)
dnl OSTYPE: UXP/DS
_VALUES_(`confDEF_GROUP_ID', `6', `LOCAL_MAILER_PATH', `/usr/ucblib/binmail', `LOCAL_SHELL_FLAGS', `ehuP', `UUCP_MAILER_ARGS', `uux - -r -a$f -gmedium $h!rmail ($u)', `confEBINDIR', `/usr/ucblib')
