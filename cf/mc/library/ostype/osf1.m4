divert(-1)
dnl OSTYPE: OSF/1 and Tru64
_USUALLY_(`STATUS_FILE', `/usr/adm/sendmail/sendmail.st')
_VALUES_(`confDEF_USER_ID', `daemon', `confEBINDIR', `/usr/lbin')
