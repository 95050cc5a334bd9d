divert(-1)
dnl FEATURE: the former name of blocklist_recipients
_CARE_(`FEATURE(blacklist_recipients) is now called blocklist_recipients')
FEATURE(`blocklist_recipients')
