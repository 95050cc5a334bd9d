divert(-1)
dnl FEATURE: host names are not looked up; argument: canonify_hosts to look up those without a domain
define(`_NO_CANONIFY_', `1')
ifelse(defn(`_ARG_'),,, strcasecmp(defn(`_ARG_'), `canonify_hosts'), `1', `define(`_CANONIFY_HOSTS_', `1')',
	`_WRONG_(`FEATURE(nocanonify) does not know the argument 'defn(`_ARG_'))')
