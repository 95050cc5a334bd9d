divert(-1)
dnl OSTYPE: Altos System V
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue', `UUCP_MAILER_PATH', `/usr/bin/uux', `LOCAL_MAILER_PATH', `/usr/bin/lmail', `LOCAL_MAILER_FLAGS', `mPuhCE9', `LOCAL_MAILER_ARGS', `lmail $u', `LOCAL_SHELL_FLAGS', `Peu', `UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
_VALUES_(`confEBINDIR', `/usr/lib')
