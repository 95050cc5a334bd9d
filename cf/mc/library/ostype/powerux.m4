divert(-1)
dnl OSTYPE: PowerUX
_USUALLY_(`LOCAL_MAILER_FLAGS', `mn9')
_VALUES_(`LOCAL_MAILER_PATH', `/usr/bin/rmail', `LOCAL_MAILER_ARGS', `rmail $u', `LOCAL_SHELL_FLAGS', `ehuP', `UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)', `confEBINDIR', `/usr/local/lib')
