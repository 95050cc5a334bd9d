dnl What belongs to messages: queue groups, precedences, trusted users and headers.
# ---- Queue groups
_QUEUE_GROUP_

# ---- Precedences
dnl _PRECEDENCES_(value, name, value, name...)
define(`_PRECEDENCES_', `ifelse(`$1',,, `P$2=$1
_PRECEDENCES_(shift(shift($@)))')')dnl
_PRECEDENCES_(`100', `special-delivery', `0', `first-class', `-30', `list', `-60', `bulk', `-100', `junk')dnl

# ---- Trusted users may name another sender
ifdef(`_USE_CT_FILE_',, `#')Ft`'ifdef(`confCT_FILE', confCT_FILE, `MAIL_SETTINGS_DIR`'trusted-users')
Troot
Tdaemon
_UNLESS_(`_NO_UUCP_', `Tuucp')
_WHEN_(`confTRUSTED_USERS', `T`'confTRUSTED_USERS')

# ---- Headers
_DEFIFNOT(`confFROM_HEADER', `$?x$x <$g>$|$g$.')dnl
_DEFIFNOT(`confMESSAGEID_HEADER', `<$t.$i@$j>')dnl
dnl _STAMP_(flag, header, value): a header that mailers with the flag want, and before it the one of a message that is sent once more
define(`_STAMP_', `H?$1?Resent-$2: $3
H?$1?$2: $3')dnl
H?P?Return-Path: <$g>
HReceived: confRECEIVED_HEADER
_STAMP_(`D', `Date', `$a')
_STAMP_(`F', `From', `confFROM_HEADER')
H?x?Full-Name: $x
_STAMP_(`M', `Message-Id', `confMESSAGEID_HEADER')
