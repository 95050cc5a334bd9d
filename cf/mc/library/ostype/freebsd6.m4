divert(-1)
dnl OSTYPE: FreeBSD 6 and later
_USUALLY_(`STATUS_FILE', `/var/log/sendmail.st', `LOCAL_MAILER_PATH', `/usr/libexec/mail.local', `LOCAL_MAILER_ARGS', `mail $u', `UUCP_MAILER_PATH', `/usr/local/bin/uux', `UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
MODIFY_MAILER_FLAGS(`LOCAL', `+S')
