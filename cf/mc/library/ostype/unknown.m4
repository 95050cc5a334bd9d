divert(-1)
dnl OSTYPE: no system at all
_WRONG_(`OSTYPE(unknown) is no operating system.
	The OSTYPE gives paths and flags that fit the machine: choose one.')
