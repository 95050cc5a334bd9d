divert(-1)
dnl OSTYPE: Solaris 9, which the original does not know: as Solaris 8
include(_CF_DIR_`'ostype/solaris8.m4)
