divert(-1)
dnl DOMAIN: a warning to everybody outside the university that the other files here are written for
_WRONG_(`This is a configuration of the Computer Science Division at Berkeley.
	Name a DOMAIN of your own in your configuration.')
