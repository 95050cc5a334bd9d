divert(-1)
dnl DOMAIN: its department of electrical engineering
DOMAIN(`Berkeley.EDU')
MASQUERADE_AS(`EECS.Berkeley.EDU')
