divert(-1)
dnl OSTYPE: Solaris 2 before 2.5
_USUALLY_(`LOCAL_MAILER_FLAGS', `SnE9', `LOCAL_MAILER_ARGS', `mail -f $g -d $u', `UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
_VALUES_(`confEBINDIR', `/usr/lib')
