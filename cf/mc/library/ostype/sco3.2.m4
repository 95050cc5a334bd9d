divert(-1)
dnl OSTYPE: SCO Unix 3.2
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue', `UUCP_MAILER_PATH', `/usr/bin/uux', `LOCAL_MAILER_PATH', `/usr/bin/lmail', `LOCAL_MAILER_FLAGS', `PuhCE9', `LOCAL_MAILER_ARGS', `lmail $u', `LOCAL_SHELL_FLAGS', `Peu')
_VALUES_(`confEBINDIR', `/usr/lib')
