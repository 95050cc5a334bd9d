divert(-1)
dnl FEATURE: trusted users stand in a file
define(`_USE_CT_FILE_', `')
