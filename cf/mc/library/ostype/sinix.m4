divert(-1)
dnl OSTYPE: SINIX
_USUALLY_(`QUEUE_DIR', `/var/spool/mqueue', `STATUS_FILE', `/var/sendmail.st')
_VALUES_(`LOCAL_MAILER_PATH', `/bin/mail.local', `confEBINDIR', `/usr/ucblib')
