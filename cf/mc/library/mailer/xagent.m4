PUSHDIVERT(-1)
dnl MAILER: a mail agent that is started for each recipient
_USUALLY_(`XAGENT_MAILER_PATH', `/usr/lib/xagent', `XAGENT_MAILER_FLAGS', `DFMueXLn', `XAGENT_MAILER_ARGS', `xagent $h $u')
POPDIVERT`'dnl
# ---- Mailer xagent
Mxagent,	P=XAGENT_MAILER_PATH, F=XAGENT_MAILER_FLAGS, S=11/31, R=21/31,
		_OPTINS(`XAGENT_MAILER_MAX', `M=', `, ')T=DNS/RFC822/X-Unix,
		A=XAGENT_MAILER_ARGS, E=\n
