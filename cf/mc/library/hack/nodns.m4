divert(-1)
dnl HACK: a host without name service
undefine(`confBIND_OPTS')
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')
define(`confDONT_PROBE_INTERFACES', `True')
FEATURE(`nocanonify')
