divert(-1)
dnl DOMAIN: the university of Berkeley
DOMAIN(`berkeley-only')
_VALUES_(`BITNET_RELAY', `bitnet-relay.Berkeley.EDU', `UUCP_RELAY', `uucp-relay.Berkeley.EDU', `confFORWARD_PATH', `$z/.forward.$w:$z/.forward',
	`confCW_FILE', `-o /etc/sendmail.cw', `confDONT_INIT_GROUPS', `True')
FEATURE(`redirect')
FEATURE(`use_cw_file')
FEATURE(`stickyhost')
