PUSHDIVERT(-1)
dnl MAILER: HylaFAX for user@number.FAX
_USUALLY_(`FAX_MAILER_ARGS', `faxmail -d $u@$h $f', `FAX_MAILER_PATH', `/usr/bin/faxmail', `FAX_MAILER_MAX', `100000')
POPDIVERT`'dnl
# ---- Mailer fax
Mfax,	P=FAX_MAILER_PATH, F=DFMhu, S=14, R=24,
		M=FAX_MAILER_MAX, T=X-Phone/X-FAX/X-Unix,_QGRP_(`FAX_MAILER_QGRP')
		A=FAX_MAILER_ARGS
LOCAL_CONFIG
CPFAX
