package maps

import "context"

// nullMap never holds a key.
type nullMap struct{}

func openNull(*Params) (Map, error) { return nullMap{}, nil }

// Lookup finds nothing.
func (nullMap) Lookup(context.Context, string, ...string) (string, error) {
	return "", errNoHost
}

// Close does nothing.
func (nullMap) Close() error { return nil }

// errNoHost is the 'not found' of classes that report EX_NOHOST.
var errNoHost = missing(exNoHost, nil)
