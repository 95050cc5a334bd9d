divert(-1)
dnl OSTYPE: Ultrix 4
_VALUES_(`confEBINDIR', `/usr/lib')
