package mailers

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"gosendmail/internal/priv"
	"gosendmail/internal/status"
)

// ChildArg is the first argument that makes cmd's main call ChildMain and nothing else.
const ChildArg = "-gosendmail-deliver"

// maxFrame bounds one frame of the message on its way to the child, and the order before it.
const maxFrame = 64 << 10

// verdictOf is a status as the child tells it.
type verdictOf struct {
	Exit     int
	Code     int
	Enhanced status.Enhanced
	Text     string
	Cause    string
}

// inChild delivers with the rights of id: this program is started again as that user, is given the order and the message on
// descriptor 0, and tells the outcome on descriptor 1.
//
// The message comes in frames, an empty one at its end, so that a message that was cut off is never stored.
func (t *Table) inChild(ctx context.Context, o order, id *priv.Identity, write func(io.Writer) error) status.Status {
	self := t.cfg.Self
	if self == "" {
		self = "/proc/self/exe"
	}
	cmd := &priv.Command{Path: self, Args: []string{"sendmail", ChildArg}, Env: t.environ(), As: id, Dirs: []string{"/"}}
	tr, err := startPipe(cmd, defaultEnd)
	if err != nil {
		// Our own program cannot be run as that user: nothing that a sender should hear of.
		return status.As(err)
	}
	defer tr.Close()
	defer killer(ctx, tr.p)()
	werr := sendOrder(tr.in, o, write)
	tr.in.Close()
	answer, err := io.ReadAll(io.LimitReader(tr.out, maxFrame))
	var v verdictOf
	if err == nil {
		err = json.Unmarshal(answer, &v)
	}
	if err != nil {
		return status.As(fmt.Errorf("mailers: delivery to %s: no answer from the child: %w", o.Path, errors.Join(err, werr)))
	}
	st := status.Status{Exit: v.Exit, Code: v.Code, Enhanced: v.Enhanced, Text: v.Text}
	if v.Cause != "" {
		st.Err = errors.New(v.Cause)
	}
	if st.Success() && werr != nil || st.Err != nil && st.Err.Error() == errTruncated.Error() {
		return afterFeeding(st, werr)
	}
	return st
}

func sendOrder(w io.Writer, o order, write func(io.Writer) error) error {
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("mailers: order: %w", err)
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	fw := bufio.NewWriterSize(&frameWriter{w: w}, maxFrame/2)
	if err := write(fw); err != nil {
		return err
	}
	if err := fw.Flush(); err != nil {
		return err
	}
	_, err = w.Write([]byte{0, 0, 0, 0})
	return err
}

// frameWriter puts the length (four bytes, big endian) before every block.
type frameWriter struct{ w io.Writer }

func (f *frameWriter) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n := min(len(p)-sent, maxFrame)
		if _, err := f.w.Write(binary.BigEndian.AppendUint32(nil, uint32(n))); err != nil {
			return sent, err
		}
		k, err := f.w.Write(p[sent : sent+n])
		if sent += k; err != nil {
			return sent, err
		}
	}
	return sent, nil
}

var errTruncated = errors.New("mailers: message cut off")

// frameReader undoes frameWriter; the end of the input before the empty frame is errTruncated.
type frameReader struct {
	r    io.Reader
	left uint32
	done bool
}

func (f *frameReader) Read(p []byte) (int, error) {
	if f.left == 0 && !f.done {
		var head [4]byte
		if _, err := io.ReadFull(f.r, head[:]); err != nil {
			return 0, errTruncated
		}
		if f.left = binary.BigEndian.Uint32(head[:]); f.left > maxFrame {
			return 0, errTruncated
		}
		f.done = f.left == 0
	}
	if f.done {
		return 0, io.EOF
	}
	n, err := f.r.Read(p[:min(len(p), int(f.left))])
	f.left -= uint32(n)
	if err != nil {
		err = errTruncated
	}
	return n, err
}

// ChildMain delivers to a file or mailbox with the rights that this process was started with: it reads an order from
// descriptor 0 and tells the outcome on descriptor 1. It returns the exit status, which only says whether there was an outcome.
func ChildMain() int {
	if err := serveOrder(os.Stdin, os.Stdout); err != nil {
		return status.IOErr
	}
	return status.OK
}

func serveOrder(in io.Reader, out io.Writer) error {
	br := bufio.NewReaderSize(in, maxFrame)
	line, err := br.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("mailers: read order: %w", err)
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("mailers: read order: %w", err)
	}
	st := store(context.Background(), o, &frameReader{r: br})
	v := verdictOf{Exit: st.Exit, Code: st.Code, Enhanced: st.Enhanced, Text: st.Text}
	if st.Err != nil {
		v.Cause = st.Err.Error()
	}
	return json.NewEncoder(out).Encode(v)
}
