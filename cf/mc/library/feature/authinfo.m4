divert(-1)
dnl FEATURE: a table of its own for the names and passwords that clients use; arguments: map, by_sender for keys AuthInfo:host/sender and AuthInfo:host/@domain, too
define(`_AUTHINFO_TABLE_', `')
ifelse(_ARG2_, `by_sender', `define(`_AUTHINFO_BY_SENDER_', `1')', _ARG2_,, `', `_WRONG_(`FEATURE(authinfo): the second argument can only be by_sender')')
_TABLE_(`authinfo', `authinfo', `authinfo')
