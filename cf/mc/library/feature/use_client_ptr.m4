divert(-1)
dnl FEATURE: check_relay sees the name in the reverse zone even if it is not confirmed
define(`_USE_CLIENT_PTR_', `1')
