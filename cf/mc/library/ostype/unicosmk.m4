divert(-1)
dnl OSTYPE: UNICOS/mk
_VALUES_(`ALIAS_FILE', `/usr/lib/aliases', `HELP_FILE', `/usr/lib/sendmail.hf', `QUEUE_DIR', `/usr/spool/mqueue', `STATUS_FILE', `/usr/lib/sendmail.st', `LOCAL_SHELL_FLAGS', `lsDFMpxehuo', `confPID_FILE', `/etc/sendmail.pid')
dnl flags of the local mailer stay: the original names another mailer by mistake
MODIFY_MAILER_FLAGS(`SMTP', `+anpeLC')
