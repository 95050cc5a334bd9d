divert(-1)
dnl FEATURE: a table of clients, senders and recipients to accept, refuse or relay; arguments: map, then skip, lookupdotdomain or relaytofulladdress
define(`_ACCESS_TABLE_', `')
define(`_TAG_DELIM_', `:')
define(`_ATMPF_', `<TMPF>')
define(`_SWITCH_', `ifelse(lower($1), `skip', `define(`_ACCESS_SKIP_', `1')', lower($1), `lookupdotdomain', `define(`_LOOKUPDOTDOMAIN_', `1')',
	lower($1), `relaytofulladdress', `define(`_RELAY_FULL_ADDR_', `1')')')
_SWITCH_(_ARG2_)_SWITCH_(_ARG3_)_SWITCH_(_ARG4_)
dnl a map that cannot tell a temporary failure is told to
define(`_MAP_', `ifelse(defn(`_ARG_'),, `DATABASE_MAP_TYPE -T`'_ATMPF_ MAIL_SETTINGS_DIR`'access', defn(`_ARG_'), `LDAP',
	`patsubst(_LDAPTABLE_(`access'), `^ldap', `ldap -T`'_ATMPF_')', `_ARG_')')
ifelse(defn(`_ARG_'),,, defn(`_ARG_'), `LDAP',, `ifelse(index(_ARG_, `sequence '), `0',, index(_ARG_, _ATMPF_), `-1', `
	_CARE_(`the map of FEATURE(access_db, 'defn(`_ARG_')`) lacks -T<TMPF>, which is added')
	define(`_BLANK_', index(_ARG_, ` '))
	define(`_MAP_', `substr(_ARG_, 0, _BLANK_) -T'_ATMPF_`substr(_ARG_, _BLANK_)')')')
ifdef(`_GREET_PAUSE_', `_CARE_(`FEATURE(greet_pause) came before FEATURE(access_db) and does not know the table')')
LOCAL_CONFIG
Kaccess _MAP_
divert(-1)
