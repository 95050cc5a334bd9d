divert(-1)
dnl OSTYPE: HP-UX 9
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue', `LOCAL_MAILER_PATH', `/bin/rmail', `LOCAL_MAILER_FLAGS', `m9', `LOCAL_MAILER_ARGS', `rmail -d $u', `UUCP_MAILER_ARGS', `uux - -r -a$g -gC $h!rmail ($u)')
_VALUES_(`confTIME_ZONE', `USE_TZ', `confEBINDIR', `/usr/lib')
