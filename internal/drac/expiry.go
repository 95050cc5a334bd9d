package drac

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// MarkerKey is the key of the record that tells a DRAC table from another table; no address can be equal to it.
const MarkerKey = "@drac"

// markerValue names the meaning of the values: seconds since 1970 at which a record ends.
const markerValue = "expiry"

// names are those of the tables that rpc.dracd writes; they have no marker.
var names = map[string]bool{"drac.db": true, "dracd.db": true, "drac": true, "dracd": true}

// Expiry returns, for a table at path, the test that refuses records whose time is over, or nil where the table is not one of
// DRAC. get reads a record of the table.
func Expiry(path string, get func(key string) (string, bool), now func() time.Time) func(value string) bool {
	if v, ok := get(MarkerKey); !(ok && v == markerValue) && !names[filepath.Base(path)] {
		return nil
	}
	return func(value string) bool { return live(value, now()) }
}

// live reports whether a record has not ended. A value that is no time was not written by a DRAC daemon and does not end.
func live(value string, now time.Time) bool {
	end, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	return err != nil || now.Unix() < end
}
