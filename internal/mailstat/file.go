package mailstat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/guard"
	"gosendmail/internal/safefile"
)

// Mailers is how many mailers the file has room for; those beyond are not counted.
const Mailers = 25

const (
	magic   = 0x1b1de
	version = 4
)

// Counts are the counters, those of mailers by their number. Kilobytes are rounded up for each message.
type Counts struct {
	Accepted int64 // connections that came in
	Made     int64 // connections to other hosts
	Refused  int64 // commands that rules refused or whose messages they discard

	From, FromKB [Mailers]int64 // messages by the sender's mailer
	To, ToKB     [Mailers]int64 // deliveries
	Rejected     [Mailers]int64 // by the sender's mailer
	Discarded    [Mailers]int64
	Quarantined  [Mailers]int64
}

// File is the content of a file of statistics.
type File struct {
	Since time.Time
	Counts
}

// image is the file as it is laid out on disk: the original's structure with the machine's own sizes of long and
// time_t, 64 bits.
type image struct {
	Magic, Version int32
	Since          int64
	Size           int16
	_              [6]byte
	Counts         Counts
}

// size is how many bytes a file has.
var size = binary.Size(image{})

// Reasons for which a file cannot be read.
var (
	ErrMagic   = errors.New("incorrect magic number")
	ErrVersion = errors.New("incompatible version")
	ErrSize    = errors.New("file size changed")
)

// Parse reads a file. An empty one holds nothing since now.
func Parse(data []byte, now time.Time) (*File, error) {
	if len(data) == 0 {
		return &File{Since: now}, nil
	}
	var im image
	head := data[:min(len(data), 8)]
	switch {
	case len(head) < 8 || int32(binary.NativeEndian.Uint32(head)) != magic:
		return nil, ErrMagic
	case binary.NativeEndian.Uint32(head[4:]) != version:
		return nil, ErrVersion
	case len(data) != size:
		return nil, ErrSize
	}
	if err := binary.Read(bytes.NewReader(data), binary.NativeEndian, &im); err != nil {
		return nil, fmt.Errorf("mailstat: %w", err)
	}
	if int(im.Size) != size {
		return nil, ErrSize
	}
	return &File{time.Unix(im.Since, 0), im.Counts}, nil
}

// Bytes is the content of the file on disk.
func (f *File) Bytes() []byte {
	var b bytes.Buffer
	im := image{Magic: magic, Version: version, Since: f.Since.Unix(), Size: int16(size), Counts: f.Counts}
	if err := binary.Write(&b, binary.NativeEndian, &im); err != nil {
		panic("mailstat: " + err.Error()) // all sizes are fixed
	}
	return b.Bytes()
}

// add puts the counters of b on top of those of c.
func (c *Counts) add(b *Counts) {
	c.Accepted += b.Accepted
	c.Made += b.Made
	c.Refused += b.Refused
	for i := range Mailers {
		c.From[i] += b.From[i]
		c.FromKB[i] += b.FromKB[i]
		c.To[i] += b.To[i]
		c.ToKB[i] += b.ToKB[i]
		c.Rejected[i] += b.Rejected[i]
		c.Discarded[i] += b.Discarded[i]
		c.Quarantined[i] += b.Quarantined[i]
	}
}

// Keeper adds what a process counts to a file. Its methods may be called by several goroutines.
type Keeper struct {
	path  string
	check safefile.Checker
	now   func() time.Time
	wait  time.Duration
	told  func(error)

	mu      sync.Mutex
	pending Counts
	dirty   bool
	timer   *time.Timer
}

// NewKeeper keeps statistics in the file path. What is counted is written after the time wait, so that a busy server
// need not write for every message; told gets the errors of that. With path "" nothing is counted.
func NewKeeper(path string, check safefile.Checker, now func() time.Time, wait time.Duration, told func(error)) *Keeper {
	return &Keeper{path: path, check: check, now: now, wait: wait, told: told}
}

// Count lets f change the counters.
func (k *Keeper) Count(f func(*Counts)) {
	if k.path == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	f(&k.pending)
	if !k.dirty {
		k.dirty = true
		k.timer = time.AfterFunc(k.wait, guard.Report(func(p *guard.Panic) { k.told(p) }).Func("statistics", k.write))
	}
}

// Close writes what is not yet written; a file that cannot be written is told as ever.
func (k *Keeper) Close() { k.write() }

func (k *Keeper) write() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.dirty {
		return
	}
	k.timer.Stop()
	if err := k.flush(); err != nil {
		k.told(err)
	}
}

// flush adds the counters to the file. A file that is not there is no error: nobody wants statistics then.
func (k *Keeper) flush() error {
	k.dirty = false
	counts := k.pending
	k.pending = Counts{}
	f, err := k.check.OpenWrite(k.path, safefile.StatusFile, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mailstat: %w", err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("mailstat: lock %s: %w", k.path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(size)+1))
	if err != nil {
		return fmt.Errorf("mailstat: %w", err)
	}
	now, err := Parse(data, k.now())
	if err != nil {
		now = &File{Since: k.now()} // as the original: a file of another kind begins anew
	}
	now.add(&counts)
	if _, err := f.WriteAt(now.Bytes(), 0); err != nil {
		return fmt.Errorf("mailstat: %w", err)
	}
	return nil
}
