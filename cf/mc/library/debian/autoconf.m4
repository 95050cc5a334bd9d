divert(-1)
dnl What files of Debian ask about the program they configure.
_VALUES_(`sm_version', `8.18.1', `sm_revision', `', `sm_version_v', `8', `sm_version_r', `18', `sm_version_major', `8.18', `sm_version_minor', `1',
	`sm_version_math', `528897', `sm_enable_regex', `yes', `sm_enable_ndbm', `no', `sm_enable_newdb', `yes', `sm_enable_nis', `no',
	`sm_enable_nisplus', `no', `sm_enable_ldap', `yes', `sm_enable_hesiod', `no', `sm_enable_tcpd', `no', `sm_enable_ipv6', `yes',
	`sm_enable_maillock', `no', `sm_enable_milter', `yes', `sm_enable_sfio', `no', `sm_enable_auth', `yes', `sm_auth_lib', `2',
	`sm_enable_tls', `yes', `sm_enable_shm', `yes', `sm_ffr', `-D_FFR_REJECT_NUL_BYTE -D_FFR_MAIL_MACRO -D_FFR_TLS_ALTNAMES -D_FFR_MTA_STS')
divert(0)dnl
