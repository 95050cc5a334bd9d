divert(-1)
dnl OSTYPE: OpenBSD
_USUALLY_(`STATUS_FILE', `/var/log/sendmail.st', `LOCAL_MAILER_PATH', `/usr/libexec/mail.local', `LOCAL_MAILER_FLAGS', `rmn9S', `UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
