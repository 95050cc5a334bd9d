divert(-1)
dnl FEATURE: of sendmail 8.9 and before, without effect: the service switch file says whether hosts are asked for by DNS
_CARE_(`FEATURE(nodns) has no effect: leave dns out of the line for hosts in the service switch file, or take HACK(nodns)')
