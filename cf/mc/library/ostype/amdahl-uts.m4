divert(-1)
dnl OSTYPE: Amdahl UTS
_USUALLY_(`LOCAL_MAILER_FLAGS', `fSn9')
_VALUES_(`confEBINDIR', `/usr/lib')
