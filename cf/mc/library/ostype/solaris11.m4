divert(-1)
dnl OSTYPE: Solaris 11
_USUALLY_(`UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
_VALUES_(`confEBINDIR', `/usr/lib', `confPID_FILE', `/system/volatile/sendmail.pid')
define(`_NETINET6_')
FEATURE(`local_lmtp')
