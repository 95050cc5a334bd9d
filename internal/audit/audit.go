// Package audit holds the list of places outside the leaf packages that open, make, start, rename or give away
// something, as a test over the source: a new place must be judged in docs/security.md before it passes.
package audit
