divert(-1)
dnl OSTYPE: Debian and what descends from it
ifdef(`sm_version',, `include(_CF_DIR_`'debian/autoconf.m4)divert(-1)')
_VALUES_(`confCF_VERSION', `Debian', `_USE_ETC_MAIL_', `', `confDEAD_LETTER_DROP', `/var/lib/sendmail/dead.letter', `STATUS_FILE', `/var/lib/sendmail/sendmail.st',
	`confHOST_STATUS_DIRECTORY', `/var/lib/sendmail/host_status', `confEBINDIR', `/usr/libexec/sendmail', `confME_TOO', `True', `confDEF_USER_ID', `mail:mail',
	`confREJECT_NUL', `true', `LOCAL_MAILER_PATH', `/usr/sbin/sensible-mda', `LOCAL_MAILER_ARGS', `sensible-mda $g $u $h ${client_addr}',
	`PROCMAIL_MAILER_PATH', `/usr/bin/procmail', `PROCMAIL_MAILER_ARGS', `procmail -m $h $f $u', `USENET_MAILER_PATH', `/usr/bin/inews',
	`UUCP_MAILER_ARGS', `uux - -r -z -a$g -gC $h!rmail ($u)', `confBIND_OPTS', `+WorkAroundBrokenAAAA', `_FFR_MILTER', `', `_FFR_MAIL_MACRO', `')
define(`confSMTP_LOGIN_MSG', `$j Sendmail $v/$Z; $b; (No UCE/UBE) $?{client_addr}logging access from: ${client_name}(${client_resolve})-$_$.')
dnl lists may have comments behind their entries
define(`confCR_FILE', `-o MAIL_SETTINGS_DIR`'relay-domains %[^\#]')
define(`confCT_FILE', `MAIL_SETTINGS_DIR`'trusted-users %[^\#]')
define(`confCW_FILE', `MAIL_SETTINGS_DIR`'local-host-names %[^\#]')
changequote([, ])define([confMUST_QUOTE_CHARS], [.'])changequote(`, ')
dnl the mailbox program runs as root, gets no -f and no LMTP
MODIFY_MAILER_FLAGS(`LOCAL', `+S')
MODIFY_MAILER_FLAGS(`LOCAL', `-r')
MODIFY_MAILER_FLAGS(`LOCAL', `-m')
