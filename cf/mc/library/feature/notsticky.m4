divert(-1)
dnl FEATURE: what is normal since version 8.7: user@here is not sent to the hub
