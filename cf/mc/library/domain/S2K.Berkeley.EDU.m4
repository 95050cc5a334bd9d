divert(-1)
dnl DOMAIN: its project of databases
DOMAIN(`CS.Berkeley.EDU')
MASQUERADE_AS(`postgres.Berkeley.EDU')
