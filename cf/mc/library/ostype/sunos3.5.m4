divert(-1)
dnl OSTYPE: SunOS 3.5
_VALUES_(`confEBINDIR', `/usr/lib')
