divert(-1)
dnl OSTYPE: NeXTSTEP
_USUALLY_(`UUCP_MAILER_PATH', `/usr/bin/uux', `QUEUE_DIR', `/usr/spool/mqueue', `LOCAL_SHELL_FLAGS', `euP')
_VALUES_(`confEBINDIR', `/usr/lib')
