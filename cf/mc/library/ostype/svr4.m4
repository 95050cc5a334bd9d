divert(-1)
dnl OSTYPE: System V Release 4
_VALUES_(`LOCAL_MAILER_PATH', `/usr/ucblib/binmail', `LOCAL_SHELL_FLAGS', `ehuP', `UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)', `confEBINDIR', `/usr/ucblib')
