divert(-1)
dnl OSTYPE: Solaris 2 with mail.local
_USUALLY_(`LOCAL_MAILER_PATH', `/usr/lib/mail.local', `LOCAL_MAILER_FLAGS', `fSmn9', `LOCAL_MAILER_ARGS', `mail.local -d $u', `UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
_VALUES_(`confEBINDIR', `/usr/lib')
