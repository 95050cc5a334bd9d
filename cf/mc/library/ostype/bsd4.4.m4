divert(-1)
dnl OSTYPE: 4.4BSD
_USUALLY_(`STATUS_FILE', `/var/log/sendmail.st', `LOCAL_MAILER_PATH', `/usr/libexec/mail.local', `UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
