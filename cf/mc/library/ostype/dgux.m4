divert(-1)
dnl OSTYPE: DG/UX
_USUALLY_(`LOCAL_MAILER_FLAGS', `m9')
_VALUES_(`confTIME_ZONE', `USE_TZ', `confEBINDIR', `/usr/lib')
LOCAL_CONFIG
E_FORCE_MAIL_LOCAL_=yes
divert(-1)
