divert(-1)
dnl FEATURE: own host names stand in a file
define(`USE_CW_FILE', `')
