package drac

import (
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

// live reports whether a record has not ended. A value that is no time was not written by a DRAC daemon and does not
// end.
func live(value string, now time.Time) bool {
	end, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	return err != nil || now.Unix() < end
}
