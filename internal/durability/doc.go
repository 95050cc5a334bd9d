// Package durability is a test: it records what the programs do to files (strace), and cuts the record at every point.
// A simulated disk then holds what was synced and any allowed part of the rest, and nothing that was acknowledged may
// be missing from it. Beside that it kills a daemon at random, and lets system calls fail one after the other.
//
// # What survives
//
// Of a file: its content as of the last fsync; what was written later not at all, whole, or only in length (zeros). Of
// a directory: what was done to its names before the last fsync of it; later steps up to any point, in their order as a
// journal keeps it, each directory by itself. A rename into another directory takes the old name away only if the new
// one survives.
//
// # What must hold
//
// Each recipient of a message that was acknowledged (exit status, or reply 250) is delivered, or waits in the queue
// with the whole message, or is the subject of a report that is delivered or waits there; and is not in the queue
// twice. Negative controls leave out one kind of sync each, and have to fail.
//
// Deliveries to a peer count from the moment at which its reply is read; a program's when it has synced its own file.
package durability
