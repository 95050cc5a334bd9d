package cf

// The reasons why a feature is not offered yet.
const (
	noSTS    = "policies of MTA-STS are not followed"
	noNames  = "alternative names of certificates are not looked at"
	noMilter = "mail filters (milters) are not called"
)

// Beginnings of the keys that are not options in the table of what is not offered.
const (
	LineX          = "X"                           // an X line
	DaemonKey      = "DaemonPortOptions:"          // with the name of a key
	DaemonModifier = "DaemonPortOptions:Modifier." // with the letter
	ClientModifier = "ClientPortOptions:Modifier." // with the letter
)

// unoffered is what TLS, AUTH and milters need and is not there yet: options (sub-options and words behind a dot),
// lines, keys, modifiers and features. What would let mail in or out that the site means to hold back is refused; the
// rest is passed over. An entry goes when its feature comes.
var unoffered = map[string]Limit{
	"AuthMaxBits":                  {Idle, "", "no mechanism here has a security layer"},
	"DHParameters":                 {Idle, "", "keys are exchanged over elliptic curves"},
	"SSLEngine":                    {Idle, "", "there is no OpenSSL here"},
	"SSLEnginePath":                {Idle, "", "there is no OpenSSL here"},
	"SetCertAltnames":              {Told, "", noNames},
	"StrictTransportSecurity":      {Refused, "false", noSTS},
	"InputMailFilters":             {Refused, "", noMilter},
	"Milter":                       {Idle, "", noMilter},
	LineX:                          {Refused, "", noMilter},
	DaemonKey + "InputMailFilters": {Refused, "", noMilter},
	"FEATURE check_cert_altnames":  {Told, "", noNames},
	"FEATURE sts":                  {Refused, "", noSTS},
	"FEATURE tls_failures":         {Idle, "", "hosts with which handshakes failed are not remembered"},
	"HACK xconnect":                {Idle, "", "XCNCT is not offered"},
}
