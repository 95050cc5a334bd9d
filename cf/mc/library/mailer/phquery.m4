PUSHDIVERT(-1)
dnl MAILER: the directory service of CCSO
_USUALLY_(`PH_MAILER_PATH', `/usr/local/etc/phquery', `PH_MAILER_FLAGS', `ehmu', `PH_MAILER_ARGS', `phquery -- $u')
POPDIVERT`'dnl
# ---- Mailer phquery
Mph,	P=PH_MAILER_PATH, F=_MODMF_(CONCAT(`nrDFM', PH_MAILER_FLAGS), `PH'), S=EnvFromL, R=EnvToL/HdrToL,
		T=DNS/RFC822/X-Unix,_QGRP_(`PH_MAILER_QGRP')
		A=PH_MAILER_ARGS
