// Package drac keeps the table of POP-before-SMTP: the addresses whose owners have just fetched their mail and may
// relay for a while. It has the table (Table), what the mail server adds to a look-up in it (Reader): the rule that a
// record ends with its time even where a configuration only asks whether it is there, and changes that are not in the
// file yet; and the network service that POP servers call (Server), as rpc.dracd 1.12 offers it: Sun RPC program
// 900101, versions 1 and 2 (RFC 5531, RFC 4506), found through the portmapper (RFC 1833). For servers that do not speak
// it, Watcher finds the logins in their logs.
//
// # TABLE
//
// PATH.db is a CDB file: the key is an address as text, the value the second since 1970 at which it ends. A record
// under MarkerKey tells the file from other tables. A small table is written anew with each change and renamed into
// place. What changes in a larger one is appended to PATH.journal, a line with a check sum for each key, and synced;
// when the journal has grown to a sixteenth of the file, or by 'drac compact', a new file is made of both. The file
// names its generation, and the journal the one that it belongs to: no order in which the system may stop brings
// anything back or takes anything away that was acknowledged, and a table that another program puts into the place of
// the file has no journal. All changes are made under a lock on PATH.lock, by any number of programs; readers need
// none: they look at the journal first and at the file then.
//
// # SECURITY
//
// The service believes an address only from the hosts that its Allow list names, without a list from this host alone.
// UDP source addresses can be forged; the datagram of a stranger never gets further than that check, and what an
// accepted caller may do is to let one address relay for the table's time. A Watcher believes its logs: who can write a
// line of such a log in the name of the POP server can let any address relay. Lines are held against the server's words
// as a whole, so that what strangers send cannot.
package drac
