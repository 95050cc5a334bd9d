package smtpd

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"gosendmail/internal/guard"
	"gosendmail/internal/status"
)

// Session decides what happens in one connection. Its methods are called one after the other, never at once,
// in the order of the dialogue. A Reply without lines stands for the package's own text where one is named.
//
// Addresses are passed as the client wrote them, angle brackets and source route included, since replies
// repeat them so; brackets, quotes and comments in them are balanced.
type Session interface {
	// Connect decides about the client and gives the greeting (220). A reply from 400 on refuses the client: with Close
	// it is sent and the connection ends; without, the client is greeted (GreetingSession) and the reply
	// answers every command but HELO, EHLO, NOOP, RSET and QUIT, as the original does after check_relay.
	Connect(ctx context.Context) status.Reply
	// Helo answers HELO or EHLO (verb, upper case); name is syntactically valid unless Config.AllowBogusHelo.
	// It ends a transaction that was going on. keywords are the further lines of EHLO's answer.
	Helo(ctx context.Context, verb, name string) (reply status.Reply, keywords []string)
	// Mail begins a transaction if the reply is positive. opts.Size is 0 where SIZE was not given.
	Mail(ctx context.Context, addr string, opts *smtp.MailOptions) status.Reply
	// Rcpt adds a recipient if the reply is positive.
	Rcpt(ctx context.Context, addr string, opts *smtp.RcptOptions) status.Reply
	// StartData is asked before the message is let in; a reply without lines or with 354 lets it in.
	StartData(ctx context.Context) status.Reply
	// Data reads the message: dots undone, lines ended by LF. An error of r that is a status.Status is a fault of the
	// message (too big, bare LF) and will be the reply; any other means that the connection is lost. In both
	// cases nothing may be queued. The transaction is over when Data returns.
	Data(ctx context.Context, r io.Reader) status.Reply
	// Verify, Expand, Help and Etrn answer VRFY, EXPN, HELP and ETRN; arg may be empty.
	Verify(ctx context.Context, arg string) status.Reply
	Expand(ctx context.Context, arg string) status.Reply
	Help(ctx context.Context, topic string) status.Reply
	Etrn(ctx context.Context, arg string) status.Reply
	// Reset ends the transaction, if any (RSET).
	Reset(ctx context.Context)
	// Close is called once, last. cause is nil after QUIT and where the server ended the dialogue, else a LostError
	// that wraps os.ErrDeadlineExceeded after a timeout, io.EOF or another error of the connection, or ErrServerClosed.
	Close(ctx context.Context, cause error)
}

// LostError is how a dialogue ended that did not end with QUIT.
type LostError struct {
	Command string // the last command; "startup" before the first
	Err     error
}

// Error names the command and the cause.
func (e *LostError) Error() string { return "smtpd: after " + e.Command + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// After returns the last command in lower case.
func (e *LostError) After() string { return strings.ToLower(e.Command) }

// GreetingSession greets clients that Connect refused; without it they are greeted with the refusal.
type GreetingSession interface {
	Greeting(ctx context.Context) status.Reply
}

// ClientSession names the client in replies and notices, as macro $_ does: "good.client.test [127.0.2.8]".
type ClientSession interface {
	Client() string
}

// FeatureSession is implemented by sessions with srv_features. Features is asked after Connect and gives the
// words that the ruleset returned, as "F", "U2" or "g2"; unknown ones are ignored.
type FeatureSession interface {
	Features(ctx context.Context) []string
}

// PauseSession is implemented by sessions with a greeting delay (FEATURE(greet_pause)). The client has to be silent for
// the duration that GreetPause returns, at most 5 minutes; if it is not, EarlyTalk says how the greeting refuses it, as
// Connect's reply would. Both are called after Connect, if that did not refuse.
type PauseSession interface {
	GreetPause(ctx context.Context) time.Duration
	EarlyTalk(ctx context.Context) status.Reply
}

// OtherSession may refuse commands that no other method decides (check_other): everything unknown, NOOP, VERB,
// RSET and so on. line is what the client sent. A reply below 400 lets the command take its course.
type OtherSession interface {
	Other(ctx context.Context, line string) status.Reply
}

// DeliverBySession takes MAIL with the BY parameter (RFC 2852); without it BY is not recognised.
type DeliverBySession interface {
	MailBy(ctx context.Context, addr string, opts *smtp.MailOptions, by *smtp.DeliverByOptions) status.Reply
}

// NoticeSession is told what deserves a log line. Attack: a command was repeated so often that answers slow down.
// TooLong: a command of that many bytes ended the dialogue. Proxy: a web browser's command did. Trapdoor: a command
// that once opened doors. Early: something came before the reply to verb. Misspoken: the text of the reply to an RCPT
// whose syntax was wrong. Undecoded: an initial response of AUTH that is no base64.
type NoticeSession interface {
	Attack(ctx context.Context, command string, count int)
	TooLong(ctx context.Context, bytes int)
	Proxy(ctx context.Context, line string)
	Trapdoor(ctx context.Context, name string)
	Early(ctx context.Context, verb string)
	Misspoken(ctx context.Context, text string)
	Undecoded(ctx context.Context, text string)
}

// IssueSession is told that the client issued MAIL, VRFY, EXPN or ETRN, whatever becomes of it.
type IssueSession interface {
	Issued(ctx context.Context, verb string)
}

// AuthSession lets clients authenticate (RFC 4954). Auth returns a server of the mechanism (upper case), or nil and why
// not; AuthDone is told how the exchange ended (nil: good) and answers 235 or a refusal. An exchange that the
// client broke off, or an answer that is no base64, is refused without asking.
type AuthSession interface {
	// AuthOffered reports whether this client may have AUTH at all.
	AuthOffered(ctx context.Context) bool
	Auth(ctx context.Context, mechanism string) (sasl.Server, status.Reply)
	AuthDone(ctx context.Context, mechanism string, err error) status.Reply
}

// TLSSession lets clients begin TLS (RFC 3207). StartTLS returns what to begin it with, or nil and why not; TLSDone is
// told the outcome and may refuse the client, as Connect does. After a success the session must forget HELO, AUTH and
// the transaction.
type TLSSession interface {
	// ImplicitTLS reports whether the connection begins with the handshake (RFC 8314 section 3.3).
	ImplicitTLS() bool
	// TLSOffered reports whether this client may have STARTTLS at all.
	TLSOffered(ctx context.Context) bool
	StartTLS(ctx context.Context) (*tls.Config, status.Reply)
	TLSDone(ctx context.Context, state *tls.ConnectionState, err error) (refusal status.Reply)
}

// Conn is what a new session may know of its connection.
type Conn struct {
	Local, Remote net.Addr // nil where the dialogue runs on standard input
}

// Timeouts bound how long the server waits; zero means for ever.
type Timeouts struct {
	Command   time.Duration // Timeout.command: for the next command
	StartTLS  time.Duration // Timeout.starttls: for the handshake
	DataBlock time.Duration // Timeout.datablock: for the next bytes of a message
	Write     time.Duration // for a client to take its replies; zero means Command
}

// Limits against abuse; the original has them compiled in. Zero takes the original's value, -1 switches a limit off.
type Limits struct {
	BadCommands int // unknown or rejected commands before the connection ends; 25
	Noop        int // NOOP, VERB and other commands that do nothing, before answers slow down; 20
	Helo        int // HELO and EHLO; 3
	Verify      int // VRFY and EXPN; 6
	Etrn        int // 8
	Auth        int // tries to authenticate; 10: the original takes one more than there are mechanisms
	CommandLine int // bytes of a command; 2048
}

// Config is what a Server does; it is not changed while it serves.
type Config struct {
	// HostName is $j, named in 221 and 421.
	HostName string
	// NewSession makes the session of a connection. An error is a temporary refusal (421).
	NewSession func(ctx context.Context, conn Conn) (Session, error)

	// Wrap is put around each client's stream, to note what goes over it; it keeps deadlines where there were some. nil
	// leaves it.
	Wrap func(io.ReadWriteCloser) io.ReadWriteCloser

	// Scope makes the context of a connection and what ends it, for what is kept for one client; nil: there is nothing.
	Scope func(ctx context.Context) (context.Context, func())

	// Step makes the context of one command, for what is to be looked at once in it; nil: all share the connection's.
	Step func(ctx context.Context) context.Context

	MaxMessageSize int64 // bytes as stored, line ends counted as one; 0 means no limit
	AllowBogusHelo bool  // AllowBogusHELO: HELO takes any name
	NeedMailHelo   bool  // PrivacyOptions=needmailhelo
	NeedVerifyHelo bool  // needvrfyhelo
	NeedExpandHelo bool  // needexpnhelo
	Chunking       bool  // CHUNKING: messages may come by BDAT
	UTF8           bool  // SMTPUTF8: the parameter is taken and addresses may be UTF-8
	MaxConns       int   // connections at once; more wait in the backlog; 0 means no limit

	Timeouts Timeouts
	Limits   Limits

	// Delay waits when answers slow down; nil waits with a timer.
	Delay func(ctx context.Context, d time.Duration)
	// Panicked is told of dialogues that ended with a panic; the client gets a 421.
	Panicked guard.Report
	// AcceptError is told of failures to accept, at most once a minute: how many there were, and the last. The server
	// goes on after a moment. nil ignores them.
	AcceptError func(n int, err error)
}
