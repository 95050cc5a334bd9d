package queue

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
)

// idDigits are the digits of queue IDs, base 60.
const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"

const (
	idPerSecond = 60 * 60 // what the two digits of the envelope number tell apart
	maxExtra    = 5       // more zeros before the process number than that and the original could not read the name
	maxIDLength = 19      // with its two letters a file name has 21 at most
)

// idSource makes queue IDs: YMDhmsNNpppppp, all but the process number in base 60, the time in UTC. The envelope number
// starts anywhere, so that a restart under the same process number does not repeat IDs; where a second needs more
// than 3600, zeros before the process number keep them apart.
type idSource struct {
	now func() time.Time
	pid int

	mu    sync.Mutex
	last  int64 // second of the last ID; never goes back
	count int   // IDs of that second
	seq   int
}

func newIDSource(now func() time.Time, pid int) *idSource {
	return &idSource{now: now, pid: pid, seq: rand.IntN(idPerSecond)}
}

func (s *idSource) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec := s.now().Unix(); sec > s.last {
		s.last, s.count = sec, 0
	}
	if s.count >= (maxExtra+1)*idPerSecond {
		s.last, s.count = s.last+1, 0 // borrowed from the next second
	}
	extra := s.count / idPerSecond
	s.count++
	s.seq = (s.seq + 1) % idPerSecond
	return formatID(time.Unix(s.last, 0).UTC(), s.seq, s.pid, 6+extra)
}

// NewID makes a queue ID that belongs to no entry: what $i shows where there is no message.
func NewID(now time.Time) string {
	return newIDSource(func() time.Time { return now }, os.Getpid()).next()
}

func formatID(t time.Time, seq, pid, width int) string {
	b := make([]byte, 0, maxIDLength)
	for _, n := range [...]int{
		t.Year() - 1900, int(t.Month()) - 1, t.Day(), t.Hour(), t.Minute(), t.Second(), seq / 60, seq,
	} {
		b = append(b, idDigits[n%60])
	}
	return fmt.Sprintf("%s%0*d", b, width, pid)
}

// validID reports whether id can be part of a file name: letters and digits, as all sendmails make them.
func validID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}) < 0
}
