divert(-1)
dnl FEATURE: only MASQUERADE_DOMAIN is masqueraded, not class w
define(`_LIMITED_MASQUERADE_', `1')
