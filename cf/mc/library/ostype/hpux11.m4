divert(-1)
dnl OSTYPE: HP-UX 11
_USUALLY_(`LOCAL_MAILER_PATH', `/usr/bin/rmail', `LOCAL_MAILER_FLAGS', `m9', `LOCAL_MAILER_ARGS', `rmail -d $u', `LOCAL_SHELL_PATH', `/usr/bin/sh', `UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
_VALUES_(`confTIME_ZONE', `USE_TZ')
