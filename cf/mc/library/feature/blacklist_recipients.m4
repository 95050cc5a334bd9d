divert(-1)
dnl FEATURE: the former name of blocklist_recipients
_SAY_(`WARNING: FEATURE(blacklist_recipients) is deprecated; use FEATURE(blocklist_recipients).')
FEATURE(`blocklist_recipients')
