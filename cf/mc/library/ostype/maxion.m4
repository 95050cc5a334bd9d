divert(-1)
dnl OSTYPE: Concurrent MAXION
_VALUES_(`QUEUE_DIR', `/var/spool/mqueue', `STATUS_FILE', `/var/adm/log/sendmail.st', `LOCAL_MAILER_PATH', `/usr/bin/mail', `LOCAL_SHELL_FLAGS', `ehuP', `LOCAL_MAILER_ARGS', `mail $u', `UUCP_MAILER_ARGS', `uux - -r -a$g -gmedium $h!rmail ($u)', `confEBINDIR', `/usr/ucblib')
