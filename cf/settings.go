package cf

import "time"

// Settings are the values of all options (op.txt section 5.6). Text that holds macros is in internal form and expanded
// where it is used. Durations of zero mean what op.txt says for the option, mostly "no limit".
type Settings struct {
	// Addresses and headers.
	OperatorChars        string
	BlankSub             byte // 0 means a blank
	ColonOkInAddr        bool
	OldStyleHeaders      bool
	MatchGECOS           bool
	MustQuoteChars       string // in addition to those that always are
	DontPruneRoutes      bool
	DontExpandCnames     bool
	UseErrorsTo          bool
	SaveFromLine         bool
	SingleLineFromHeader bool
	UnixFromLine         string // internal form
	NoRecipientAction    string // "none", "add-to", "add-apparently-to", "add-bcc", "add-to-undisclosed"
	DefaultCharSet       string
	EightBitMode         byte // 'p', 'm' or 's'
	SevenBitInput        bool
	SendMimeErrors       bool
	MaxMimeHeaderLength  int // bytes; 0, the default here, means no limit: what is cut breaks signatures
	MaxMimeFieldLength   int
	MaxHeadersLength     int // bytes; 0 means no limit
	RrtImpliesDsn        bool
	SmtpUTF8             bool
	RejectNUL            bool
	MeToo                bool

	// Aliases and users.
	AliasFile           []string // specifications, in order
	AliasWait           time.Duration
	CheckAliases        bool
	MaxAliasRecursion   int
	ForwardPath         string // internal form
	UserDatabaseSpec    string
	LDAPDefaultSpec     string
	MailboxDatabase     string
	DefaultUser         Identity
	TrustedUser         Identity
	RunAsUser           Identity
	DontInitGroups      bool
	SafeFileEnvironment string
	DeadLetterDrop      string

	// The SMTP server.
	DaemonPortOptions          []string // one for each option line
	ClientPortOptions          []string
	DirectSubmissionModifiers  string
	SmtpGreetingMessage        string // internal form
	PrivacyOptions             []string
	AllowBogusHELO             bool
	MaxMessageSize             int64 // bytes; 0 means no limit
	MaxRecipientsPerMessage    int   // 0 means no limit
	BadRcptThrottle            int   // 0 means off
	BadRcptShutdown            int
	BadRcptShutdownGood        int
	MaxNOOPCommands            int // 0 means the built-in limit
	MaxDaemonChildren          int // 0 means no limit
	ConnectionRateThrottle     int // connections in a second; 0 means no limit
	ConnectionRateWindowSize   time.Duration
	ClientConnectionCountLimit int // connections of one client at a time; 0 means no limit
	QueueLA, RefuseLA, DelayLA int // load averages; 0 means off
	RejectLogInterval          time.Duration
	DeliverByMin               time.Duration // negative: not offered
	UseCompressedIPv6Addresses bool
	HelpFile                   string
	SoftBounce                 bool
	InputMailFilters           []string
	Milter                     MilterSettings

	// Delivery.
	DeliveryMode           byte // 'b', 'i', 'q' or 'd'
	HoldExpensive          bool
	MaxHopCount            int
	TryNullMXList          bool
	FallbackMXhost         string
	FallbackSmartHost      string
	ConnectOnlyTo          string
	ConnectionCacheSize    int
	ConnectionCacheTimeout time.Duration
	DialDelay              time.Duration
	HostStatusDirectory    string
	SingleThreadDelivery   bool
	HeloName               string
	CommandTimeLimit       time.Duration // of a program without W=; 0 means no limit
	MaxForwardAddresses    int           // in a .forward; 0 means no limit of its own

	DestinationConcurrencyLimit int // deliveries to one host or user at a time; 0 means no limit
	MailerConcurrencyLimit      int // deliveries by one mailer at a time; 0 means no limit
	FastSplit                   int
	DoubleBounceAddress         string // internal form; "" drops double bounces
	PostmasterCopy              string
	ErrorHeader                 string
	ErrorMode                   byte // 'p', 'q', 'm', 'w' or 'e'
	IgnoreDots                  bool
	ResolverOptions             []string // "+dnsrch", "-defnames", "HasWildcardMX", "WorkAroundBrokenAAAA"
	DontProbeInterfaces         string   // "false", "true" or "loopback"
	HostsFile                   string
	ServiceSwitchFile           string
	StrictTransportSecurity     bool
	DANE                        bool
	TLSFallbacktoClear          bool

	// The queue.
	QueueDirectory        string
	SuperSafe             string // "true", "false", "interactive" or "postmilter"
	MinFreeBlocks         int64
	MinQueueAge           time.Duration
	MaxQueueAge           time.Duration
	QueueSortOrder        byte // 'p', 'h', 't', 'f', 'm', 'r', 'n'
	MaxQueueRunSize       int  // 0 means no limit
	MaxQueueChildren      int
	MaxRunnersPerQueue    int
	ForkEachJob           bool
	NiceQueueRun          int
	QueueFactor           int
	RecipientFactor       int
	ClassFactor           int
	RetryFactor           int
	CheckpointInterval    int
	TempFileMode          int // permission bits
	QueueFileMode         int // 0 means that it follows from the identity
	DataFileBufferSize    int // bytes
	XscriptFileBufferSize int // bytes
	SharedMemoryKey       int
	SharedMemoryKeyFile   string
	RequiresDirfsync      bool
	UseMSP                bool
	Timeout               Timeouts

	// TLS and AUTH.
	ServerCertFile, ServerKeyFile      string
	ClientCertFile, ClientKeyFile      string
	CACertFile, CACertPath             string
	CRLFile, CRLPath                   string
	DHParameters                       string
	RandFile                           string
	CipherList, CipherSuites           string
	CertFingerprintAlgorithm           string
	SetCertAltnames                    bool
	TLSSrvOptions                      string
	ServerSSLOptions, ClientSSLOptions string
	SSLEngine, SSLEnginePath           string
	AuthMechanisms                     string
	AuthOptions                        string
	AuthRealm                          string
	AuthMaxBits                        int
	DefaultAuthInfo                    string
	Chunking                           bool   // ours: messages may come by BDAT (RFC 3030)
	AuthOldClients                     bool   // ours: mechanisms are also offered as "AUTH=", as before RFC 2554
	AuthBackends                       string // ours: where passwords come from beside Cyrus' configuration

	// The process.
	LogLevel           int
	LogFile            string // "stderr" or a path; "" means syslog
	StatusFile         string
	PidFile            string
	ControlSocketName  string
	ProcessTitlePrefix string
	TimeZoneSpec       string // "" leaves TZ as the system has it; a value sets it
	TimeZoneSet        bool
	DontBlameSendmail  []string
	Verbose            bool
}

// Identity is a user that an option names.
type Identity struct {
	Name     string // as written, without the group
	UID, GID int    // NoID where not known
	Set      bool
}

// Urgency selects one of the time-outs of a message by its precedence.
type Urgency int

// The classes of messages for Timeout.queuereturn and queuewarn.
const (
	Normal Urgency = iota
	Urgent
	NonUrgent
	DSN
	urgencies
)

// Timeouts are the values of the option Timeout. Zero means no limit.
type Timeouts struct {
	Initial, Helo, Mail, Rcpt, DataInit, DataBlock, DataFinal, Rset, Quit, Misc, Command time.Duration
	Connect, IConnect, AConnect, Ident, FileOpen, Control, HostStatus                    time.Duration
	LHLO, Auth, StartTLS                                                                 time.Duration
	QueueReturn, QueueWarn                                                               [urgencies]time.Duration
	ResolverRetrans, ResolverRetransFirst, ResolverRetransNormal                         time.Duration // zero: the resolver's own
	ResolverRetry, ResolverRetryFirst, ResolverRetryNormal                               int
}

// MilterSettings are the values of the option Milter: the macros sent at each step and the log level.
type MilterSettings struct {
	LogLevel     int
	MaxDataSize  int
	Connect      []string
	Helo         []string
	EnvFrom      []string
	EnvRcpt      []string
	Data         []string
	EndOfHeader  []string
	EndOfMessage []string
}
