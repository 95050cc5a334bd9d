dnl Format level, macros, classes and maps: what must stand before options and rules.
# sendmail.cf, composed from an .mc file: change that file and compile it again.
V`'CF_LEVEL`'ifdef(`NO_VENDOR',, `/ifdef(`VENDOR_NAME', `VENDOR_NAME', `Berkeley')')

# ---- Needed before any file or directory service is opened
_OPT_(`DontBlameSendmail', `confDONT_BLAME_SENDMAIL', `safe', `file permission checks that are switched off')
_OPT_(`LDAPDefaultSpec', `confLDAP_DEFAULT_SPEC', `-h localhost', `what all maps of class ldap have in common')

# ---- Names of this host and its relays
ifdef(`confLDAP_CLUSTER', `D{sendmailMTACluster}`'confLDAP_CLUSTER', `#D{sendmailMTACluster}$m')
Cwlocalhost
_WHEN_(`USE_CW_FILE', `Fw`'confCW_FILE')
ifdef(`confDOMAIN_NAME', `Dj`'confDOMAIN_NAME', `#Dj$w.example.net')
# class P: last parts of names that are never looked up
CP.
dnl _PSEUDO_(define, macro, pseudo domain): the relay for a pseudo domain
define(`_PSEUDO_', `ifdef(`$1', `D$2`'$1
CP$3
')')dnl
_PSEUDO_(`UUCP_RELAY', `Y', `UUCP')dnl
_PSEUDO_(`BITNET_RELAY', `B', `BITNET')dnl
_PSEUDO_(`DECNET_RELAY', `C', `DECNET')dnl
ifdef(`DECNET_RELAY', `define(`_USE_DECNET_SYNTAX_', `1')')dnl
_PSEUDO_(`FAX_RELAY', `F', `FAX')dnl
# macro S: the smart host; none if it is empty
DS`'ifdef(`SMART_HOST', `SMART_HOST')
_WHEN_(`LUSER_RELAY', `# macro L: who takes mail for unknown local users
Kuser user -m -a<>
DL`'LUSER_RELAY')
_WHEN_(`LOCAL_RELAY', `DR`'LOCAL_RELAY')
_WHEN_(`MAIL_HUB', `DH`'MAIL_HUB')

# ---- Classes of characters and marks
# class O: characters in a local part that mean another host
CO @ ifdef(`_NO_PERCENTHACK_',, `%') ifdef(`_NO_UUCP_',, `!')
C..
C[[
_WHEN_(`_ACCESS_TABLE_', `C{Accept}OK RELAY
ifdef(`_DELAY_COMPAT_8_10_', `ifdef(`_BLOCKLIST_RCPT_', `C{SpamTag}SPAMFRIEND SPAMHATER')')')
C{ResOk}_RES_OK_
_WHEN_(`_FULL_TLS_CONNECTION_CHECK_', `C{Tls}VERIFY ENCR
C{TlsVerified}OK TRUSTED')
_WHEN_(`confCR_FILE', `# class R: hosts and networks for which mail is relayed
FR`'confCR_FILE')

# ---- Maps that rules use
_UNLESS_(`_ACCEPT_UNRESOLVABLE_DOMAINS_', `Kresolve host -a<_RES_OK_> -T<TEMP>')
_WHEN_(`_NEED_MACRO_MAP_', `ifdef(`_MACRO_MAP_', `dnl', `define(`_MACRO_MAP_', `1')dnl
Kmacro macro')')
ifdef(`_ARITH_MAP_', `dnl', `define(`_ARITH_MAP_', `1')dnl
Karith arith')
Kdequote dequote`'ifdef(`confDEQUOTE_OPTS', ` confDEQUOTE_OPTS')
_WHEN_(`_CERT_REGEX_ISSUER_', `KCERTIssuer regex _CERT_REGEX_ISSUER_')
_WHEN_(`_CERT_REGEX_SUBJECT_', `KCERTSubject regex _CERT_REGEX_SUBJECT_')
_WHEN_(`_MTA_STS_', `Kstsxsni regex -a: -s3 (.*)(servername=)(.*)
Kstsxsni2 regex -a: -s2 (.*)(servername=.*)
Kstsxmatch regex -a: -s2 (match=)(.*)
Kstsxnodaneflag regex -a@ -s3 (.*)(flags=)([^;]*d)(.*)')

# ---- Masquerading and relaying
# class E: users that stay visible; L: users delivered here; M: domains to hide; N: domains not to hide
undivert(5)dnl
_WHEN_(`_VIRTHOSTS_', `CR$={VirtHost}')
_WHEN_(`MASQUERADE_NAME', `DM`'MASQUERADE_NAME')
ifdef(`confMAILER_NAME', `Dn`'confMAILER_NAME', `#DnMAILER-DAEMON')

# ---- Lines of the site
undivert(6)dnl

# ---- Version of this configuration
DZ`'_LIBRARY_`'ifdef(`confCF_VERSION', `/confCF_VERSION')
