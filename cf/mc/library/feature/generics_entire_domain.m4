divert(-1)
dnl FEATURE: the genericstable also applies below its domains
define(`_GENERICS_ENTIRE_DOMAIN_', `1')
