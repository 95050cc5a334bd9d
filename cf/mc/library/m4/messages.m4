dnl What belongs to messages: queue groups, precedences, trusted users and headers.
# ---- Queue groups
_QUEUE_GROUP_

# ---- Precedences
Pspecial-delivery=100
Pfirst-class=0
Plist=-30
Pbulk=-60
Pjunk=-100

# ---- Trusted users may name another sender
ifdef(`_USE_CT_FILE_',, `#')Ft`'ifdef(`confCT_FILE', confCT_FILE, `MAIL_SETTINGS_DIR`'trusted-users')
Troot
Tdaemon
_UNLESS_(`_NO_UUCP_', `Tuucp')
_WHEN_(`confTRUSTED_USERS', `T`'confTRUSTED_USERS')

# ---- Headers
_DEFIFNOT(`confFROM_HEADER', `$?x$x <$g>$|$g$.')dnl
_DEFIFNOT(`confMESSAGEID_HEADER', `<$t.$i@$j>')dnl
H?P?Return-Path: <$g>
HReceived: confRECEIVED_HEADER
H?D?Resent-Date: $a
H?D?Date: $a
H?F?Resent-From: confFROM_HEADER
H?F?From: confFROM_HEADER
H?x?Full-Name: $x
H?M?Resent-Message-Id: confMESSAGEID_HEADER
H?M?Message-Id: confMESSAGEID_HEADER
