package cf

// The reasons why a feature is not offered yet.
const (
	noTLS    = "TLS is not offered and not used"
	noAUTH   = "AUTH is not offered and not used"
	noMilter = "mail filters (milters) are not called"
)

// Beginnings of the keys that are not options in the table of what is not offered.
const (
	LineX          = "X"                           // an X line
	DaemonKey      = "DaemonPortOptions:"          // with the name of a key
	DaemonModifier = "DaemonPortOptions:Modifier." // with the letter
	ClientModifier = "ClientPortOptions:Modifier." // with the letter
)

// unoffered is all that TLS, AUTH and milters need and that is not there yet: options (sub-options and words behind a dot), lines, keys,
// modifiers and features. What would let mail in or out that the site means to hold back is refused; the rest is passed over. An entry
// goes when its feature comes.
var unoffered = map[string]Limit{
	"AuthMaxBits":                 {Idle, "", noAUTH},
	"AuthMechanisms":              {Told, "", noAUTH},
	"AuthOptions":                 {Idle, "", noAUTH},
	"AuthRealm":                   {Idle, "", noAUTH},
	"DefaultAuthInfo":             {Told, "", noAUTH},
	"CACertFile":                  {Told, "", noTLS},
	"CACertPath":                  {Told, "", noTLS},
	"CRLFile":                     {Told, "", noTLS},
	"CRLPath":                     {Told, "", noTLS},
	"CertFingerprintAlgorithm":    {Idle, "", noTLS},
	"CipherList":                  {Told, "", noTLS},
	"CipherSuites":                {Told, "", noTLS},
	"ClientCertFile":              {Told, "", noTLS},
	"ClientKeyFile":               {Told, "", noTLS},
	"ClientSSLOptions":            {Told, "", noTLS},
	"DHParameters":                {Idle, "", noTLS},
	"SSLEngine":                   {Idle, "", noTLS},
	"SSLEnginePath":               {Idle, "", noTLS},
	"ServerCertFile":              {Told, "", noTLS},
	"ServerKeyFile":               {Told, "", noTLS},
	"ServerSSLOptions":            {Told, "", noTLS},
	"SetCertAltnames":             {Idle, "", noTLS},
	"TLSFallbacktoClear":          {Idle, "", noTLS},
	"TLSSrvOptions":               {Idle, "", noTLS},
	"DANE":                        {Refused, "false", noTLS},
	"StrictTransportSecurity":     {Refused, "false", noTLS},
	"InputMailFilters":            {Refused, "", noMilter},
	"Milter":                      {Idle, "", noMilter},
	"DontBlameSendmail.CertOwner": {Idle, "", noTLS},
	"DontBlameSendmail.GroupReadableDefaultAuthInfoFile": {Idle, "", noAUTH},
	"DontBlameSendmail.GroupReadableKeyFile":             {Idle, "", noTLS},
	"DontBlameSendmail.GroupReadableSASLDBFile":          {Idle, "", noAUTH},
	"DontBlameSendmail.GroupWritableSASLDBFile":          {Idle, "", noAUTH},
	"Timeout.auth":                 {Idle, "", noAUTH},
	"Timeout.starttls":             {Idle, "", noTLS},
	LineX:                          {Refused, "", noMilter},
	DaemonKey + "InputMailFilters": {Refused, "", noMilter},
	DaemonModifier + "a":           {Refused, "", noAUTH},
	DaemonModifier + "s":           {Refused, "", noTLS},
	DaemonModifier + "A":           {Idle, "", noAUTH},
	DaemonModifier + "S":           {Idle, "", noTLS},
	ClientModifier + "A":           {Idle, "", noAUTH},
	ClientModifier + "S":           {Idle, "", noTLS},
	"FEATURE authinfo":             {Idle, "", noAUTH},
	"FEATURE check_cert_altnames":  {Idle, "", noTLS},
	"FEATURE sts":                  {Refused, "", noTLS},
	"FEATURE tls_failures":         {Idle, "", noTLS},
	"FEATURE tls_session_features": {Idle, "", noTLS},
	"HACK debian_auth":             {Idle, "", noAUTH},
	"HACK xconnect":                {Idle, "", "XCNCT is not offered"},
}
