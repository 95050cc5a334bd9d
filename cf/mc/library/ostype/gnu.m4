divert(-1)
dnl OSTYPE: the Hurd
_USUALLY_(`STATUS_FILE', `/var/log/sendmail.st', `LOCAL_MAILER_PATH', `/libexec/mail.local', `LOCAL_MAILER_ARGS', `mail $u')
_VALUES_(`confEBINDIR', `/libexec')
