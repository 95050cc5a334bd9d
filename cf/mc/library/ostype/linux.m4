divert(-1)
dnl OSTYPE: Linux, with procmail as local mailer
_VALUES_(`confEBINDIR', `/usr/sbin', `PROCMAIL_MAILER_PATH', `/usr/bin/procmail')
FEATURE(`local_procmail')
