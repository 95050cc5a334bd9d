divert(-1)
dnl OSTYPE: MkLinux
_USUALLY_(`STATUS_FILE', `/var/log/sendmail.st', `PROCMAIL_MAILER_PATH', `/usr/bin/procmail')
_VALUES_(`confEBINDIR', `/usr/sbin')
FEATURE(`local_procmail')
