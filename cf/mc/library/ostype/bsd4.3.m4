divert(-1)
dnl OSTYPE: 4.3BSD
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue', `UUCP_MAILER_ARGS', `uux - -r -z -a$g $h!rmail ($u)')
