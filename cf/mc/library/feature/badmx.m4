divert(-1)
dnl FEATURE: senders whose MX hosts are addresses, or lead to forbidden ones, are refused; argument: pattern of forbidden addresses
define(`_BADMX_CHK_', `1')
LOCAL_CONFIG
Kmxlist bestmx -z: -T<TEMP>
Kbadmx regex -a<BADMX> ^(([0-9]{1,3}\.){3}[0-9]){0,1}\.$
KdnsA dns -R A -a. -T<TEMP>
KBadMXIP regex -a<BADMXIP> ifelse(defn(`_ARG_'),, `^(127\.|10\.|0\.0\.0\.0)', `_ARG_')
divert(-1)
