// Package layers holds the order of the packages: each imports only from the lines below its own, never a neighbour.
// It has no code; its test reads the import lists and names the imports that break the order.
package layers
