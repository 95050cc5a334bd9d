divert(-1)
dnl OSTYPE: ISC Unix 4.1
_USUALLY_(`LOCAL_MAILER_ARGS', `lmail -s $u', `LOCAL_MAILER_FLAGS', `humS9', `LOCAL_MAILER_PATH', `/bin/lmail', `QUEUE_DIR', `/usr/spool/mqueue', `UUCP_MAILER_ARGS', `uux - -r -gC $h!rmail ($u)', `UUCP_MAILER_PATH', `/usr/bin/uux')
_VALUES_(`confTIME_ZONE', `USE_TZ', `confEBINDIR', `/usr/lib')
