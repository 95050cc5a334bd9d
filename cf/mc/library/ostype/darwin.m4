divert(-1)
dnl OSTYPE: Darwin and macOS
_USUALLY_(`STATUS_FILE', `/var/log/sendmail.st', `LOCAL_MAILER_PATH', `/usr/libexec/mail.local', `UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
_VALUES_(`confDONT_BLAME_SENDMAIL', `AssumeSafeChown,GroupWritableDirPathSafe')
MODIFY_MAILER_FLAGS(`LOCAL', `+S')
