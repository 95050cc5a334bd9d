divert(-1)
dnl OSTYPE: the former name of bsdi
_SAY_(`NOTE: OSTYPE(bsdi1.0) is now called bsdi')
include(_CF_DIR_`'ostype/bsdi.m4)
