PUSHDIVERT(-1)
dnl MAILER: news groups for group.USENET
_USUALLY_(`USENET_MAILER_PATH', `/usr/lib/news/inews', `USENET_MAILER_FLAGS', `rsDFMmn', `USENET_MAILER_ARGS', `inews -m -h -n')
POPDIVERT`'dnl
# ---- Mailer usenet
Musenet,	P=USENET_MAILER_PATH, F=_MODMF_(USENET_MAILER_FLAGS, `USENET'), S=EnvFromL, R=EnvToL,
		_OPTINS(`USENET_MAILER_MAX', `M=', `, ')T=X-Usenet/X-Usenet/X-Unix,_QGRP_(`USENET_MAILER_QGRP')
		A=USENET_MAILER_ARGS $u
