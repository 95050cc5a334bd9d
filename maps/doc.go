// Package maps is the K line: named maps of every class, opened when first used, shared by all sessions.
//
// A Set is built from the K lines (Spec) and what the classes need from outside (Env). Set.Lookup is what a rule's
// $(map key $@ args $: default $) means: it dequotes the key (unless -q), folds its case (unless -f), asks the class,
// puts arguments into the value (%0 is the key, %1 the first argument, %% a percent sign), appends -a, and turns
// temporary failures into what -t and -T ask for.
//
// STATES of a file map: absent (an optional map is empty then, another one fails temporarily), open, replaced. Every
// look-up asks whether the open file has changed or lost its name (one fstat call; once per step in a context of
// WithStep), so that a table that makemap renamed into place takes effect with the next look-up; the path is followed
// anew once a second, for one that leads elsewhere through a symbolic link. The old mapping lives until its last reader
// is done.
//
// SECURITY: files are opened through Env.Open, which applies the safety checks of DontBlameSendmail. Files may be
// truncated or damaged while they are mapped: the reader gets an error, the process lives. A look-up that cannot be
// done is ErrTempFail, never ErrNotFound: 'not found' may bounce mail or let an intruder in.
//
// Class ldap keeps one connection for all maps with the same servers and login, and makes it again when it was lost.
// Values go into filters with their special characters quoted, %s too: with the original's %s a sender could write a
// filter of his own (a filter that is "%s" alone takes the key as it is). Without -l a server may take -c seconds for
// an answer, 60 unless said, where the original waits for good. It speaks version 3 only, and reads URI, BASE and TLS
// settings from ldap.conf as OpenLDAP's library does.
//
// What differs from the original on purpose: an optional map whose file is damaged (not: missing) fails temporarily
// instead of being taken as empty; a map that could not be opened is tried again with each look-up instead of once per
// process.
package maps
