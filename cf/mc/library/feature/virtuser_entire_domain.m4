divert(-1)
dnl FEATURE: the virtusertable also applies below its domains
define(`_VIRTUSER_ENTIRE_DOMAIN_', `1')
