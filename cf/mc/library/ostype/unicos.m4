divert(-1)
dnl OSTYPE: UNICOS
_VALUES_(`ALIAS_FILE', `/usr/lib/aliases', `HELP_FILE', `/usr/lib/sendmail.hf', `QUEUE_DIR', `/usr/spool/mqueue', `STATUS_FILE', `/usr/lib/sendmail.st', `LOCAL_SHELL_FLAGS', `pxehu', `confPID_FILE', `/etc/sendmail.pid')
MODIFY_MAILER_FLAGS(`LOCAL', `+aSPpmnxXu')
MODIFY_MAILER_FLAGS(`SMTP', `+anpeLC')
