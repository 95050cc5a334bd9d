package smtpd

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"gosendmail/internal/status"
)

// chunkReader gives a message that comes in chunks (BDAT, RFC 3030) as dataReader gives one of DATA. Between two chunks
// it carries on the dialogue: it answers the chunk and takes the next command.
//
// The octets of a chunk belong to it whatever becomes of the message: none is ever taken for a command.
type chunkReader struct {
	c     *conn
	size  int64 // of the chunk
	left  int64 // of it, not yet read
	last  bool  // no chunk follows
	limit int64 // of the message, as stored; 0: none
	count int64
	cr    bool  // a CR was read whose LF may follow, in the next chunk perhaps
	open  bool  // the last line has no end yet
	err   error // a fault of the message (a status.Status), or the lost connection
}

// chunk reads the argument of BDAT: a size in octets, and LAST or nothing.
func chunk(arg string) (size int64, last, ok bool) {
	words := strings.Fields(arg)
	if len(words) < 1 || len(words) > 2 || len(words) == 2 && !strings.EqualFold(words[1], "LAST") {
		return 0, false, false
	}
	for i := range len(words[0]) {
		if ch := words[0][i]; ch < '0' || ch > '9' {
			return 0, false, false
		}
	}
	size, err := strconv.ParseInt(words[0], 10, 64)
	return size, len(words) == 2, err == nil
}

// bdat carries out BDAT, and the chunks and commands that follow it up to the end of the message.
func (c *conn) bdat(arg string) {
	size, last, ok := chunk(arg)
	if !ok {
		c.unknownChunk()
		return
	}
	d := &chunkReader{c: c, size: size, left: size, last: last, limit: c.srv.cfg.MaxMessageSize}
	refusal := c.refuseChunk()
	if refusal == nil {
		if r := c.sess.StartData(c.ctx); len(r.Lines) > 0 && r.Code != 354 {
			refusal = &r
		}
	}
	if refusal != nil {
		d.drain()
		if d.err != nil {
			c.lost(d.err)
			return
		}
		if c.mail { // the chunks behind this one, sent already perhaps, are no message without it
			c.sess.Reset(c.ctx)
			c.mail, c.rcpts = false, 0
		}
		c.badCommand(*refusal)
		return
	}
	c.s.borrow()
	r := c.sess.Data(c.ctx, d)
	fault := d.err
	d.drain()
	c.s.giveBack()
	c.mail, c.rcpts = false, 0
	c.endOfMessage(r, fault, d.err)
}

// unknownChunk ends a dialogue in which nobody can tell what is a message and what is a command.
func (c *conn) unknownChunk() {
	r := say(501, syntax552, "Syntax error in parameters of BDAT; closing connection")
	r.Close = true
	c.reply(r)
}

// refuseChunk says why no message can begin.
func (c *conn) refuseChunk() *status.Reply {
	var r status.Reply
	switch {
	case c.refused != nil:
		return c.refused
	case !c.mail:
		r = say(503, order500, "Need MAIL command")
	case c.rcpts == 0:
		r = say(503, order500, "Need RCPT (recipient)")
	default:
		return nil
	}
	return &r
}

// Read implements io.Reader.
func (d *chunkReader) Read(p []byte) (int, error) {
	n := 0
	for n == 0 && len(p) > 0 && d.err == nil {
		switch {
		case d.left > 0:
			n = d.text(p)
		case !d.last:
			d.next()
		case d.cr:
			d.cr = false
			n = d.bareCR(p)
		case d.open:
			p[0], n = '\n', 1 // as the end of DATA's last line
		default:
			return 0, io.EOF
		}
	}
	if n > 0 {
		d.open = p[n-1] != '\n'
	}
	d.count += int64(n)
	if d.limit > 0 && d.count > d.limit && d.err == nil {
		d.err = tooLarge(d.limit)
	}
	if n == 0 {
		return 0, d.err
	}
	return n, nil
}

// text puts the next piece of the chunk into p, which is not empty, and returns how much that was.
func (d *chunkReader) text(p []byte) int {
	piece := d.piece()
	if piece == nil {
		return 0
	}
	if d.cr {
		d.cr = false
		if piece[0] != '\n' {
			return d.bareCR(p)
		}
		d.skip(1)
		p[0] = '\n'
		return 1
	}
	switch i := bytes.IndexAny(piece, "\r\n"); {
	case i < 0:
		n := copy(p, piece)
		d.skip(n)
		return n
	case i > 0:
		n := copy(p, piece[:i])
		d.skip(n)
		return n
	}
	d.skip(1)
	if piece[0] == '\n' {
		return d.bareLF(p)
	}
	d.cr = true
	return 0
}

// piece is what there is of the chunk in the buffer; nil means that the connection is lost.
func (d *chunkReader) piece() []byte {
	s := d.c.s
	for s.buffered() == 0 {
		err := s.flush() // the client may be waiting for what was answered before
		if err == nil {
			err = s.readWithin(d.c.srv.cfg.Timeouts.DataBlock, false)
		}
		if err == nil {
			err = s.await()
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			d.err = err
			return nil
		}
	}
	return s.buf[s.r : s.r+int(min(d.left, int64(s.buffered())))]
}

func (d *chunkReader) skip(n int) {
	d.c.s.r += n
	d.left -= int64(n)
}

func (d *chunkReader) bareCR(p []byte) int {
	return d.bare(p, d.c.feat.bareCR, '\r', errBareCR)
}

func (d *chunkReader) bareLF(p []byte) int {
	return d.bare(p, d.c.feat.bareLF, '\n', errBareLF)
}

// bare does with a line end that is none what the client's features say.
func (d *chunkReader) bare(p []byte, mode lineEnd, is byte, fault error) int {
	switch mode {
	case acceptBare:
		p[0] = is
	case replaceBare:
		p[0] = ' '
	default:
		d.err = fault
		return 0
	}
	return 1
}

// next answers the chunk and waits for another. What else a client may say meanwhile is answered here.
func (d *chunkReader) next() {
	c := d.c
	if d.size == 0 {
		c.slowDown(&c.noops, c.srv.limits.Noop, "BDAT")
	}
	c.reply(say(250, ok200, strconv.FormatInt(d.size, 10)+" octets received"))
	for d.err == nil {
		line, err := c.s.readLine(c.srv.limits.CommandLine, c.srv.cfg.Timeouts.Command)
		if err != nil {
			d.err = err
			return
		}
		name, arg := splitCommand(string(line))
		switch strings.ToUpper(name) {
		case "BDAT":
			var ok bool
			if d.size, d.last, ok = chunk(arg); !ok {
				c.unknownChunk()
				d.err = errNoChunk
			}
			d.left = d.size
			return
		case "RSET":
			d.err, d.last = errReset, true
		case "QUIT":
			c.sayGoodbye(name, arg)
			d.err = errNoChunk
		case "NOOP":
			c.noop(name, arg)
		default:
			c.badCommand(say(503, proto550, "A chunk of the message is expected (BDAT)"))
			if c.quit {
				d.err = errNoChunk
			}
		}
	}
}

var (
	// errReset is RSET between two chunks: the message is forgotten, and the reply is RSET's.
	errReset = status.Status{Exit: status.OK, Code: 250, Enhanced: ok200, Text: "Reset state"}
	// errNoChunk ends a message whose client gave up.
	errNoChunk = errors.New("smtpd: no further chunk")
)

// drain reads what is left of the chunk, so that the dialogue can go on. It leaves a lost connection in err.
func (d *chunkReader) drain() {
	if d.err != nil && !isFault(d.err) {
		return
	}
	d.err = nil
	for d.left > 0 {
		piece := d.piece()
		if piece == nil {
			return
		}
		d.skip(len(piece))
	}
}
