divert(-1)
# The vocabulary of .mc files. What a site or a third-party file may call has its public name; helpers of ours begin with an underscore.

changecom()
undefine(`format', `hpux')

dnl ==== Diversions.
dnl 1 LOCAL_NET_CONFIG   2 LOCAL_RULE_3   3 LOCAL_RULE_0   4 UUCP rules of rule set 0   5 masquerading, relaying and other class lines
dnl 6 LOCAL_CONFIG       7 mailers        8 blocklist rules                            9 LOCAL_RULESETS
define(`PUSHDIVERT', `pushdef(`_LEFT_', divnum)divert(`$1')')
define(`POPDIVERT', `divert(_LEFT_)popdef(`_LEFT_')')

dnl ==== Small tools.
define(`lower', `translit(`$1', `A-Z', `a-z')')
define(`strcasecmp', `ifelse(translit($1, `A-Z', `a-z'), translit($2, `A-Z', `a-z'), `1', `0')')
define(`DOL', ``$'$1')
define(`_DEFIFNOT', `ifdef(`$1',, `define(`$1', `$2')')')
define(`CONCAT', `$1$2$3$4$5$6$7')
define(`_OPTINS', `ifdef(`$1', `$2`'$1`'$3')')
dnl _SAY_(text): a line on standard error
define(`_SAY_', `errprint(`$1
')')
define(`_WRONG_', `_SAY_(`*** ERROR: $1')')
define(`_CARE_', `_SAY_(`*** WARNING: $1')')
dnl _NOARG_(value, then, else): is an argument of a FEATURE empty or missing?
define(`_NOARG_', `ifelse(len(X`'$1), `1', `$2', `$3')')

dnl ==== Arguments of the file that is being read: _ARG_ is the first, _ARG1_ to _ARG9_ all of them.
define(`_NTH_', `ifelse(`$1', `1', `$2', `_NTH_(decr(`$1'), shift(shift($@)))')')
define(`_ARG1_', `_NTH_(1, _ARGS_)')
define(`_ARG2_', `_NTH_(2, _ARGS_)')
define(`_ARG3_', `_NTH_(3, _ARGS_)')
define(`_ARG4_', `_NTH_(4, _ARGS_)')
define(`_ARG5_', `_NTH_(5, _ARGS_)')
define(`_ARG6_', `_NTH_(6, _ARGS_)')
define(`_ARG7_', `_NTH_(7, _ARGS_)')
define(`_ARG8_', `_NTH_(8, _ARGS_)')
define(`_ARG9_', `_NTH_(9, _ARGS_)')
define(`_GIVE_', `define(`_ARG_', `$2')define(`_ARGS_', `shift($@)')')

dnl ==== Reading the parts of the library.
dnl OSTYPE(name): paths and flags of one operating system
define(`OSTYPE', `PUSHDIVERT(-1)
ifdef(`__OSTYPE__', `_SAY_(`*** WARNING: a second OSTYPE'($1))')
define(`__OSTYPE__', $1)define(`_ARG_', $2)include(_CF_DIR_`'ostype/$1.m4)POPDIVERT`'')
dnl DOMAIN(name): definitions that the machines of one organization share
define(`DOMAIN', `PUSHDIVERT(-1)define(`_ARG_', `$2')include(_CF_DIR_`'domain/$1.m4)POPDIVERT`'')
dnl FEATURE(name, arguments): one ability of the configuration
define(`FEATURE', `PUSHDIVERT(-1)ifdef(`_MAILER_DEFINED_', `_WRONG_(`FEATURE($1) comes too late, after a MAILER')')dnl
_GIVE_($@)include(_CF_DIR_`'feature/$1.m4)POPDIVERT`'')
dnl HACK(name, arguments): one local addition
define(`HACK', `PUSHDIVERT(-1)_GIVE_($@)include(_CF_DIR_`'hack/$1.m4)POPDIVERT`'')
dnl MAILER(name): one delivery agent, or a family of them; a second argument gives it a name of its own
define(`MAILER', `define(`_M_N_', `ifelse(`$2',, `$1', `$2')')dnl
define(`_MAILER_DEFINED_', `1')dnl
ifdef(_MAILER_`'_M_N_`'_, `errprint(`*** ERROR: MAILER('_M_N_`) is there already; the second is left out
')', `define(_MAILER_`'_M_N_`'_, `')_GIVE_($@)PUSHDIVERT(7)include(_CF_DIR_`'mailer/$1.m4)POPDIVERT`'')')
dnl VERSIONID(text): the revision of a file, noted in the output. It ends its line: the site writes dnl behind it, and a raw line may follow.
define(`VERSIONID', ``# version: $1
'')

dnl ==== Mailer flags.
dnl MODIFY_MAILER_FLAGS(mailer, change): +x adds flags, -x removes flags, anything else replaces them
define(`MODIFY_MAILER_FLAGS', `ifelse(
substr(`$2', 0, 1), `+', `define(`$1_MF_A_', ifdef(`$1_MF_A_', `defn(`$1_MF_A_')')`'substr(`$2', 1))',
substr(`$2', 0, 1), `-', `define(`$1_MF_D_', ifdef(`$1_MF_D_', `defn(`$1_MF_D_')')`'substr(`$2', 1))',
`define(`$1_MF_', `$2')define(`$1_MF_A_')define(`$1_MF_D_')')')
dnl _FLAG_OUT_(flags, unwanted): the first of each unwanted character goes; _FLAG_IN_(flags, wanted): each character is there
define(`_FLAG_OUT_', `ifelse(`$2',, `$1', `_FLAG_OUT_(_CUT_(`$1', index(`$1', substr(`$2', 0, 1))), substr(`$2', 1))')')
define(`_CUT_', `ifelse(`$2', `-1', ``$1'', `substr(`$1', 0, `$2')`'substr(`$1', incr(`$2'))')')
define(`_FLAG_IN_', `ifelse(`$2',, `$1', `_FLAG_IN_(`$1'ifelse(index(`$1', substr(`$2', 0, 1)), `-1', substr(`$2', 0, 1)), substr(`$2', 1))')')
dnl _MODMF_(flags, mailer): the flags after all that MODIFY_MAILER_FLAGS said
define(`_MODMF_', `ifdef(`$2_MF_', `$2_MF_', `_FLAG_IN_(_FLAG_OUT_($1, ifdef(`$2_MF_D_', `$2_MF_D_')), ifdef(`$2_MF_A_', `$2_MF_A_'))')')

dnl _QGRP_(define): the queue group of a mailer
define(`_QGRP_', `ifelse(defn(`$1'),,, ` Q=$1,')')
dnl _USUALLY_(name, value, name, value...): values of what is not defined yet
define(`_USUALLY_', `ifelse(`$1',,, `_DEFIFNOT(`$1', `$2')_USUALLY_(shift(shift($@)))')')

dnl ==== Lists that come out as option, filter and queue group lines.
define(`_DPO_')
define(`_CPO_')
define(`_MAIL_FILTERS_')
define(`_MAIL_FILTERS_DEF')
define(`_QUEUE_GROUP_')
dnl _APPEND_(list, line): a line more
define(`_APPEND_', `define(`$1', defn(`$1')
$2)')
dnl DAEMON_OPTIONS(list): one more address and port to listen on
define(`DAEMON_OPTIONS', `_APPEND_(`_DPO_', `O DaemonPortOptions=`$1'')')
dnl CLIENT_OPTIONS(list): the address that outgoing connections come from
define(`CLIENT_OPTIONS', `_APPEND_(`_CPO_', `O ClientPortOptions=`$1'')')
dnl MAIL_FILTER(name, equates): declares a milter
define(`MAIL_FILTER', `define(`_MAIL_FILTERS_', defn(`_MAIL_FILTERS_')
X`'$1`, '`$2')define(`_MAIL_FILTERS_DEF', defn(`_MAIL_FILTERS_DEF')`X')')
dnl INPUT_MAIL_FILTER(name, equates): declares a milter and puts it at the end of InputMailFilters
define(`INPUT_MAIL_FILTER', `MAIL_FILTER(`$1', `$2')dnl
define(`confINPUT_MAIL_FILTERS', ifelse(defn(`confINPUT_MAIL_FILTERS'),,, `defn(`confINPUT_MAIL_FILTERS')`, '')`$1')')
dnl QUEUE_GROUP(name, equates): declares a queue group
define(`QUEUE_GROUP', `define(`_QUEUE_GROUP_', defn(`_QUEUE_GROUP_')
Q`'$1`, '`$2')')

dnl ==== Sections of a .mc whose lines go straight to their place.
dnl LOCAL_NET_CONFIG: what stays inside the own network although there is a smart host
define(`LOCAL_NET_CONFIG', `define(`_LOCAL_RULES_', `1')divert(1)')
dnl LOCAL_RULE_3: rules in the middle of rule set 3, for new address forms
define(`LOCAL_RULE_3', `divert(2)')
dnl LOCAL_RULE_0: rules in the middle of rule set 0, for new mailers
define(`LOCAL_RULE_0', `divert(3)')
dnl LOCAL_UUCP: rules for UUCP neighbours
define(`LOCAL_UUCP', `divert(4)')
dnl LOCAL_CONFIG: lines for the first part of the .cf
define(`LOCAL_CONFIG', `divert(6)')
dnl MAILER_DEFINITIONS: own mailers
define(`MAILER_DEFINITIONS', `divert(7)')
dnl LOCAL_DNSBL: rules among the blocklist checks of check_relay
define(`LOCAL_DNSBL', `divert(8)')
dnl LOCAL_RULESETS: own rule sets
define(`LOCAL_RULESETS', `divert(9)

')
dnl LOCAL_RULE_1: rules of rule set 1, for all sender addresses
define(`LOCAL_RULE_1', `divert(9)dnl

Ssender=1
')
dnl LOCAL_RULE_2: rules of rule set 2, for all recipient addresses
define(`LOCAL_RULE_2', `divert(9)dnl

Srecipient=2
')
dnl _HOOK_(section, rule set): a section that begins a rule set which the library calls
define(`_HOOK_', `define(`$1', `define(`_$1_')
ifdef(`_MAILER_DEFINED_',, `_CARE_(`$1 comes too early: no MAILER stands before it')')
divert(9)
S$2')')
dnl LOCAL_SRV_FEATURES: rules before the ones of srv_features
_HOOK_(`LOCAL_SRV_FEATURES', `Local_srv_features')
dnl LOCAL_CLT_FEATURES: rules before the ones of clt_features
_HOOK_(`LOCAL_CLT_FEATURES', `Local_clt_features')
dnl LOCAL_TRY_TLS: rules before the ones of try_tls
_HOOK_(`LOCAL_TRY_TLS', `Local_try_tls')
dnl LOCAL_TLS_RCPT: rules before the ones of tls_rcpt
_HOOK_(`LOCAL_TLS_RCPT', `Local_tls_rcpt')
dnl LOCAL_TLS_CLIENT: rules before the ones of tls_client
_HOOK_(`LOCAL_TLS_CLIENT', `Local_tls_client')
dnl LOCAL_TLS_SERVER: rules before the ones of tls_server
_HOOK_(`LOCAL_TLS_SERVER', `Local_tls_server')

dnl ==== Classes. _MEMBERS_(word, class, more): word(members) and word_FILE(file) add to a class; the rest of the line is eaten.
define(`_MEMBERS_', `define(`$1', `PUSHDIVERT(5)C{$2}$'`1
$3`'POPDIVERT`'dnl`'')define(`$1_FILE', `PUSHDIVERT(5)F{$2}$'`1
$3`'POPDIVERT`'dnl`'')')
dnl EXPOSED_USER: users whose host stays visible in spite of masquerading
_MEMBERS_(`EXPOSED_USER', `E')
dnl LOCAL_USER: users that are delivered here in spite of a mail hub
_MEMBERS_(`LOCAL_USER', `L')
dnl LOCAL_DOMAIN: names of this machine
_MEMBERS_(`LOCAL_DOMAIN', `w')
dnl MASQUERADE_DOMAIN: further domains that are hidden behind MASQUERADE_AS
_MEMBERS_(`MASQUERADE_DOMAIN', `M')
dnl MASQUERADE_EXCEPTION: hosts that are not hidden
_MEMBERS_(`MASQUERADE_EXCEPTION', `N')
dnl CANONIFY_DOMAIN: domains that are looked up in spite of nocanonify
_MEMBERS_(`CANONIFY_DOMAIN', `Canonify')
dnl GENERICS_DOMAIN: domains to which the genericstable applies
_MEMBERS_(`GENERICS_DOMAIN', `G')
dnl LDAPROUTE_DOMAIN: domains that are routed by LDAP
_MEMBERS_(`LDAPROUTE_DOMAIN', `LDAPRoute')
dnl LDAPROUTE_EQUIVALENT: domains that are looked up in LDAP under the masquerade name
_MEMBERS_(`LDAPROUTE_EQUIVALENT', `LDAPRouteEquiv')
dnl VIRTUSER_DOMAIN: domains of the virtusertable
_MEMBERS_(`VIRTUSER_DOMAIN', `VirtHost', `define(`_VIRTHOSTS_')')
dnl RELAY_DOMAIN: domains and networks for which mail is relayed
_MEMBERS_(`RELAY_DOMAIN', `R')
dnl TRUST_AUTH_MECH: mechanisms of SMTP AUTH that allow relaying
define(`TRUST_AUTH_MECH', `_DEFIFNOT(`_USE_AUTH_', `1')PUSHDIVERT(5)C{TrustAuthMech}$1
POPDIVERT`'dnl`'')
dnl MASQUERADE_AS: the domain that senders appear to come from
define(`MASQUERADE_AS', `define(`MASQUERADE_NAME', $1)')

dnl ==== Writing rules.
dnl _HEAR_(rule set, argument): asks rules of the site; a mailer in their answer is final, anything else lets the workspace go on as it was
define(`_HEAR_', `R$`'*			$: $`'1 $| heard $>"$1" ifelse(`$2',, `$`'1', `$2')
R$`'* $| heard $`'# $`'*	$`'# $`'2
R$`'* $| heard $`'*	$: $`'1')

dnl ==== Tables of features.
dnl _LDAPTABLE_(name): a table in a directory with the schema of sendmail
define(`_LDAPTABLE_', ``ldap -1 -v sendmailMTAMapValue,sendmailMTAMapSearch:FILTER:sendmailMTAMapObject,sendmailMTAMapURL:URL:sendmailMTAMapObject -k (&(objectClass=sendmailMTAMapObject)(|(sendmailMTACluster=${sendmailMTACluster})(sendmailMTAHost=$j))(sendmailMTAMapName=$1)(sendmailMTAKey=%0))'')
dnl _TABLE_(map, usual file, name in a directory): the map that the argument of a FEATURE describes
define(`_TABLE_', `LOCAL_CONFIG
K$1 ifelse(defn(`_ARG_'),, `DATABASE_MAP_TYPE MAIL_SETTINGS_DIR`'$2', defn(`_ARG_'), `LDAP', `_LDAPTABLE_(`$3')', `_ARG_')
divert(-1)')
dnl _EARLY_(feature, mailer): the feature must come before the mailer
define(`_EARLY_', `ifdef(`_MAILER_$2_', `_WRONG_(`FEATURE($1) comes too late: MAILER($2) is there already')')')
dnl _NEEDS_(feature): the feature needs the access table, which must have come before
define(`_NEEDS_', `ifdef(`_ACCESS_TABLE_',, `_WRONG_(`$1 needs FEATURE(access_db) before it')')')

dnl ==== UUCP.
dnl UUCPSMTP(uucp host, domain): mail for a UUCP host that the Internet reaches under another name
define(`UUCPSMTP', `R DOL(*) <@ $1 .UUCP> DOL(*)	DOL(1) <@ $2> DOL(2)')
dnl SITECONFIG(file, own UUCP name, class): the neighbours that a file of siteconfig lists with SITE
define(`SITECONFIG', `D$3$2
define(`_CLASS_$3_', `')dnl
ifelse($3, U, C{w}$2 $2.UUCP, `dnl')
define(`SITE', `ifelse($'`2'`$3, `SU', CY$'`1'`, C$3$'`1'`)')
sinclude(_CF_DIR_`'siteconfig/$1.m4)')

dnl ==== Texts that several rule sets give.
ifdef(`_USETMPFTOKEN_', `
define(`_TMPFMSG_', `"451 Temporary system failure $1. Please try again later."')
', `
define(`_TMPFMSG_', `"451 Temporary system failure. Please try again later."')
')
define(`CF_LEVEL', `10')

m4wrap(`include(_CF_DIR_`'m4/compose.m4)')
divert(0)dnl
