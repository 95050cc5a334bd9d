divert(-1)
dnl OSTYPE: BSD/OS
include(_CF_DIR_`'ostype/bsd4.4.m4)
