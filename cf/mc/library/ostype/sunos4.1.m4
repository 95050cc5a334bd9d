divert(-1)
dnl OSTYPE: SunOS 4.1
_VALUES_(`confEBINDIR', `/usr/lib')
