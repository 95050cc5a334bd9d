divert(-1)
dnl OSTYPE: Solaris 8
_USUALLY_(`UUCP_MAILER_ARGS', `uux - -r -a$g $h!rmail ($u)')
_VALUES_(`confEBINDIR', `/usr/lib', `confPID_FILE', `/var/run/sendmail.pid')
define(`_NETINET6_')
FEATURE(`local_lmtp')
