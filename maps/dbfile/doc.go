// Package dbfile reads and writes the files behind the map classes hash, btree and cdb.
//
// Open looks at a file's first bytes and reads either format:
//
//   - CDB, the constant database that our makemap writes (into X.db for hash and btree, into X.cdb for cdb): 256 pairs
//     of table position and length, then the records (key length, data length, key, data), then the tables of hash and
//     position, all little-endian 32-bit numbers; at most 4 GiB.
//   - Berkeley DB, which the original's makemap, postmap, sasl and others wrote: hash and btree of versions 7 to 10 in
//     both byte orders, with overflow pages, duplicates on and off the page; and the older DB 1.85 formats of hash
//     (version 2) and btree (version 3), also as SASL keeps passwords (sasldb2).
//
// Files are mapped into memory and read in place: a look-up copies nothing but the value. Old mappings go away when
// nobody uses them any more.
//
// Writer makes a CDB beside the old file, syncs it and renames it into place, so that a reader sees the old table or
// the new one. It is written here, and not taken from github.com/colinmarc/cdb, because that module's Writer loses a
// record whose hash is zero when another one wants its slot, cannot refuse or take back a key that is there (makemap
// without and with -r), and makes several small allocations for each record. The module serves the tests as the
// independent second opinion, as reader and as writer.
//
// SECURITY: nothing in a file is trusted. Every offset is checked against the mapping, chains of pages are bounded by
// the number of pages, and a file that shrinks under the mapping gives an error (the fault is caught), not a crash.
// What cannot be a healthy file is ErrCorrupt, never 'not found'. Files with checksums give an error for every changed
// byte that a look-up meets. In others it is found where the structure tells: keys that do not belong to the bucket or
// slot where they stand, keys out of order, pages whose items do not fill them, pages and tables that are missing,
// chains that do not end. A changed value, or a changed key of a btree that keeps its place in the order, cannot be
// told from a healthy one.
//
// It leaves out: hash files of DB 1.86 in version 3, Berkeley DB's queue, recno and heap files, encrypted files, files
// with several databases or with a comparison or hash function of their own.
package dbfile
