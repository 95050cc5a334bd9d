divert(-1)
dnl Puts the .cf together when the .mc has been read: settles what is still open, then writes every part in its order.

ifdef(`_MAILER_local_',, `MAILER(local)')
ifdef(`__OSTYPE__',, `_WRONG_(`no OSTYPE names the operating system')')

dnl ==== The mailers that rules name.
_DEFIFNOT(`confSMTP_MAILER', `esmtp')
_DEFIFNOT(`confLOCAL_MAILER', `local')
_DEFIFNOT(`confRELAY_MAILER', `ifdef(`_MAILER_smtp_', `relay', `unknown')')
_DEFIFNOT(`confUUCP_MAILER', `uucp-old')
define(`_SMTP_', `confSMTP_MAILER')
define(`_LOCAL_', `confLOCAL_MAILER')
define(`_RELAY_', `confRELAY_MAILER')
define(`_UUCP_', `confUUCP_MAILER')

dnl ==== Names of the past.
ifdef(`confDEF_GROUP_ID', `_SAY_(`*** WARNING: confDEF_GROUP_ID has no effect any more: write user:group into confDEF_USER_ID.')')
ifdef(`confREAD_TIMEOUT', `_SAY_(`*** WARNING: confREAD_TIMEOUT has no effect any more: each timeout has a define of its own, from confTO_COMMAND to confTO_RCPT.')')
ifdef(`confMESSAGE_TIMEOUT', `define(`_SLASH_', index(confMESSAGE_TIMEOUT, `/'))dnl
ifelse(_SLASH_, `-1', `define(`confTO_QUEUERETURN', confMESSAGE_TIMEOUT)',
	`define(`confTO_QUEUEWARN', substr(confMESSAGE_TIMEOUT, incr(_SLASH_)))dnl
define(`confTO_QUEUERETURN', substr(confMESSAGE_TIMEOUT, 0, _SLASH_))')')
ifdef(`confMIN_FREE_BLOCKS', `ifelse(index(confMIN_FREE_BLOCKS, `/'), `-1',,
	`_SAY_(`*** WARNING: what stands after the slash in confMIN_FREE_BLOCKS belongs into confMAX_MESSAGE_SIZE.')')')
ifdef(`confAUTO_REBUILD', `_SAY_(`*** WARNING: confAUTO_REBUILD has no effect any more: it let strangers stop the service.')')
ifdef(`confUNSAFE_GROUP_WRITES', `_SAY_(`*** WARNING: in place of confUNSAFE_GROUP_WRITES say define(confDONT_BLAME_SENDMAIL, ...).')')
dnl confOPENSSL_CNF, of version 8.18, would name a file that OpenSSL reads
ifelse(defn(`confOPENSSL_CNF'),,, `_SAY_(`*** WARNING: confOPENSSL_CNF has no effect: TLS here does without OpenSSL.')')
ifelse(defn(`confDAEMON_OPTIONS'),,, `_SAY_(`*** WARNING: in place of confDAEMON_OPTIONS say DAEMON_OPTIONS for each port.')DAEMON_OPTIONS(`confDAEMON_OPTIONS')')
ifelse(defn(`confCLIENT_OPTIONS'),,, `_SAY_(`*** WARNING: in place of confCLIENT_OPTIONS say CLIENT_OPTIONS.')CLIENT_OPTIONS(`confCLIENT_OPTIONS')')
ifdef(`confLDAP_DEFAULT_SPEC',, `ifdef(`_LDAP_ROUTING_WARN_', `_SAY_(`*** WARNING: FEATURE(ldap_routing) without maps of its own needs confLDAP_DEFAULT_SPEC.')')')
ifelse(substr(confDELIVERY_MODE, 0, 1), `d', `_SAY_(`*** WARNING: with delivery mode deferred nothing is checked against tables or blocklists.')')
ifdef(`_RELAY_DB_FROM_', `define(`_RELAY_MAIL_FROM_', `1')',
	`ifdef(`_RELAY_DB_FROM_DOMAIN_', `_WRONG_(`_RELAY_DB_FROM_DOMAIN_ without _RELAY_DB_FROM_')')')
ifdef(`_RELAY_LOCAL_FROM_', `define(`_RELAY_MAIL_FROM_', `1')')
ifdef(`_SPAM_FH_', `ifdef(`_ACCESS_TABLE_',, `_WRONG_(`FEATURE(delay_checks) with an argument needs FEATURE(access_db)')')')
ifdef(`_SPAM_FRIEND_', `ifdef(`_SPAM_HATER_', `_WRONG_(`delay_checks is for friends or for haters, not for both')')')

dnl ==== Texts and marks that rules share.
_DEFIFNOT(`confRELAY_MSG', `ifdef(`_USE_AUTH_', `"550 Relaying denied. Proper authentication required."', `"550 Relaying denied"')')
_DEFIFNOT(`confRCPTREJ_MSG', `"550 Mailbox disabled for this recipient"')
define(`_CODE553', `553')
define(`_RES_OK_', `OKR')
dnl with delay_checks the rule sets of MAIL and of the connection have names without the underscore, so that only RCPT calls them
define(`_U_', ifdef(`_DELAY_CHECKS_',, `_'))
dnl what answers a REJECT of the access table
define(`_REJECTION_', `ifdef(`confREJECT_MSG', `$: confREJECT_MSG', `$`'@ 5.7.1 $: "550 Access denied"')')
define(`TLS_SRV_TAG', `"TLS_Srv"')
define(`TLS_CLT_TAG', `"TLS_Clt"')
define(`TLS_RCPT_TAG', `"TLS_Rcpt"')
define(`TLS_TRY_TAG', `"Try_TLS"')
define(`SRV_FEAT_TAG', `"Srv_Features"')
define(`CLT_FEAT_TAG', `"Clt_Features"')
ifdef(`_ACCESS_TABLE_', `define(`_FULL_TLS_CONNECTION_CHECK_', `1')')
ifdef(`_MTA_STS_', `define(`_FULL_TLS_CONNECTION_CHECK_', `1')')
ifdef(`_FULL_TLS_CONNECTION_CHECK_', `define(`_NEED_MACRO_MAP_', `1')')
ifdef(`_TLS_SESSION_FEATURES_', `define(`_NEED_TLS_CLT_FEATURES', `1')')
ifdef(`_MTA_STS_', `define(`_NEED_TLS_CLT_FEATURES', `1')')

dnl ==== Writing helpers.
dnl _WHEN_(flag, lines): the lines if the flag is set. _UNLESS_(flag, lines): if it is not
define(`_WHEN_', `ifdef(`$1', `$2', `dnl')')
define(`_UNLESS_', `ifdef(`$1', `dnl', `$2')')
dnl _OPT_(option, define, usual value, meaning): an option line, as a comment while the .mc does not define it
define(`_OPT_', `# $4
ifdef(`$2', `O $1`'ifelse(defn(`$2'),,, `=$2')', `#O $1`'ifelse(`$3',,, `=$3')')')

divert(0)dnl
include(_CF_DIR_`'m4/head.m4)dnl
include(_CF_DIR_`'m4/options.m4)dnl
include(_CF_DIR_`'m4/messages.m4)dnl
include(_CF_DIR_`'m4/rewrite.m4)dnl
include(_CF_DIR_`'m4/parse.m4)dnl
include(_CF_DIR_`'m4/local.m4)dnl
include(_CF_DIR_`'m4/route.m4)dnl
include(_CF_DIR_`'m4/access.m4)dnl
include(_CF_DIR_`'m4/sender.m4)dnl
include(_CF_DIR_`'m4/recipient.m4)dnl
include(_CF_DIR_`'m4/delay.m4)dnl
include(_CF_DIR_`'m4/tls.m4)dnl
include(_CF_DIR_`'m4/rates.m4)dnl

# ---- Rule sets of the site
undivert(9)dnl

# ---- Mail filters
_MAIL_FILTERS_

# ---- Mailers
undivert(7)dnl
