package queue

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Order is the option QueueSortOrder.
type Order uint8

const (
	ByPriority     Order = iota // message priority
	ByHost                      // locked ones last, then host of the first recipient, then priority
	ByTime                      // submission time
	ByFilename                  // name of the control file
	ByRandom                    // no order, a new one each time
	ByModification              // modification time of the control file, older first
	Unsorted                    // as the directory gives them
)

// ParseOrder reads the value of QueueSortOrder, of which only the first letter counts.
func ParseOrder(value string) (Order, error) {
	switch strings.ToLower(value + " ")[0] {
	case 'p':
		return ByPriority, nil
	case 'h':
		return ByHost, nil
	case 't':
		return ByTime, nil
	case 'f':
		return ByFilename, nil
	case 'r':
		return ByRandom, nil
	case 'm':
		return ByModification, nil
	case 'n':
		return Unsorted, nil
	}
	return ByPriority, fmt.Errorf("invalid queue sort order %q", value)
}

// reads reports whether the order looks into the control files.
func (o Order) reads() bool { return o == ByPriority || o == ByHost || o == ByTime }

// sort puts items into order.
func (o Order) sort(items []*Item) {
	switch o {
	case ByPriority:
		slices.SortStableFunc(items, byPriority)
	case ByHost:
		slices.SortStableFunc(items, func(a, b *Item) int {
			return cmp.Or(strings.Compare(a.load().host, b.load().host), byPriority(a, b))
		})
	case ByTime:
		slices.SortStableFunc(items, func(a, b *Item) int {
			return cmp.Or(a.load().created.Compare(b.load().created), strings.Compare(a.ID, b.ID))
		})
	case ByFilename:
		slices.SortStableFunc(items, func(a, b *Item) int { return strings.Compare(a.ID, b.ID) })
	case ByModification:
		slices.SortStableFunc(items, func(a, b *Item) int {
			return cmp.Or(a.Modified.Compare(b.Modified), strings.Compare(a.ID, b.ID))
		})
	case ByRandom:
		rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	}
}

func byPriority(a, b *Item) int {
	x, y := a.load(), b.load()
	return cmp.Or(cmp.Compare(x.priority, y.priority), x.created.Compare(y.created), strings.Compare(a.ID, b.ID))
}
