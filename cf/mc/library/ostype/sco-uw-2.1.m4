divert(-1)
dnl OSTYPE: UnixWare 2.1
_USUALLY_(`LOCAL_MAILER_FLAGS', `fhCEn9')
_VALUES_(`LOCAL_MAILER_PATH', `/usr/bin/rmail', `LOCAL_SHELL_FLAGS', `ehuP', `UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)', `LOCAL_MAILER_ARGS', `rmail $u', `confEBINDIR', `/usr/lib', `confTIME_ZONE', `USE_TZ')
