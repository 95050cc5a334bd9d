divert(-1)
dnl FEATURE: refuses clients whose address and name do not agree
define(`_REQUIRE_RDNS_', `')
