package cf

import (
	"fmt"
	"strings"

	"gosendmail/internal/macro"
)

// optionCodes are the numbers under which the original knows options without a letter. Debug output shows them.
var optionCodes = map[string]int{
	"QueueSortOrder": 0x81, "HostsFile": 0x82, "MinQueueAge": 0x83, "DefaultCharSet": 0x85, "ServiceSwitchFile": 0x86,
	"DialDelay": 0x87, "NoRecipientAction": 0x88, "SafeFileEnvironment": 0x89, "MaxMessageSize": 0x8a, "ColonOkInAddr": 0x8b,
	"MaxQueueRunSize": 0x8c, "MaxDaemonChildren": 0x8d, "DontExpandCnames": 0x8e, "MustQuoteChars": 0x8f,
	"SmtpGreetingMessage": 0x90, "UnixFromLine": 0x91, "OperatorChars": 0x92, "DontInitGroups": 0x93, "SingleLineFromHeader": 0x94,
	"AllowBogusHELO": 0x95, "ConnectionRateThrottle": 0x97, "UnsafeGroupWrites": 0x99, "DoubleBounceAddress": 0x9a,
	"HostStatusDirectory": 0x9b, "SingleThreadDelivery": 0x9c, "RunAsUser": 0x9d, "RrtImpliesDsn": 0x9e, "PidFile": 0x9f,
	"DontBlameSendmail": 0xa0, "DontProbeInterfaces": 0xa1, "MaxRecipientsPerMessage": 0xa2, "DeadLetterDrop": 0xa3,
	"MaxAliasRecursion": 0xa5, "ConnectOnlyTo": 0xa6, "TrustedUser": 0xa7, "MaxMimeHeaderLength": 0xa8, "ControlSocketName": 0xa9,
	"MaxHeadersLength": 0xaa, "ProcessTitlePrefix": 0xac, "DefaultAuthInfo": 0xad, "AuthMechanisms": 0xae, "ClientPortOptions": 0xaf,
	"DataFileBufferSize": 0xb0, "XscriptFileBufferSize": 0xb1, "LDAPDefaultSpec": 0xb2, "ServerCertFile": 0xb4,
	"ServerKeyFile": 0xb5, "ClientCertFile": 0xb6, "ClientKeyFile": 0xb7, "CACertFile": 0xb8, "CACertPath": 0xb9,
	"DHParameters": 0xba, "InputMailFilters": 0xbb, "Milter": 0xbc, "AuthOptions": 0xbd, "QueueFileMode": 0xbe,
	"CertFingerprintAlgorithm": 0xbf, "CipherList": 0xc0, "RandFile": 0xc1, "TLSSrvOptions": 0xc2, "BadRcptThrottle": 0xc3,
	"DeliverByMin": 0xc4, "MaxQueueChildren": 0xc5, "MaxRunnersPerQueue": 0xc6, "DirectSubmissionModifiers": 0xc7,
	"NiceQueueRun": 0xc8, "SharedMemoryKey": 0xc9, "AuthMaxBits": 0xca, "MailboxDatabase": 0xcb, "UseMSP": 0xcc, "DelayLA": 0xcd,
	"FastSplit": 0xce, "SoftBounce": 0xcf, "SharedMemoryKeyFile": 0xd0, "RejectLogInterval": 0xd1, "RequiresDirfsync": 0xd2,
	"ConnectionRateWindowSize": 0xd3, "CRLFile": 0xd4, "FallbackSmartHost": 0xd5, "AuthRealm": 0xd6, "CRLPath": 0xd7,
	"HeloName": 0xd8, "MaxNOOPCommands": 0xdc, "BadRcptShutdown": 0xe1, "BadRcptShutdownGood": 0xe2, "ServerSSLOptions": 0xe3,
	"ClientSSLOptions": 0xe4, "MaxQueueAge": 0xe5, "RejectNUL": 0xe9, "UseCompressedIPv6Addresses": 0xec, "SSLEngine": 0xed,
	"SSLEnginePath": 0xee, "TLSFallbacktoClear": 0xef, "SetCertAltnames": 0xf7, "SmtpUTF8": 0xf8, "StrictTransportSecurity": 0xf9,
	"CipherSuites": 0xfa,
}

// trace tells Input.Trace that an option is set, or would be if the command line had not set it.
func (p *parser) trace(def *Def, sub, value string, ignored bool) {
	if p.in.Trace == nil {
		return
	}
	code := string(rune(def.Letter))
	if def.Letter == 0 {
		code = fmt.Sprintf("0x%x", optionCodes[def.Name])
	}
	if sub != "" {
		sub = "." + sub
	}
	tail := ""
	if ignored {
		tail = " (ignored)"
	}
	p.in.Trace(p.at().Line, fmt.Sprintf("setoption %s (%s)%s=%s%s\n", def.Name, code, sub, macro.Show(value), tail))
	if def.Name == "DaemonPortOptions" && !ignored {
		p.daemons++
		p.in.Trace(p.at().Line, daemonTrace(value, p.daemons-1))
	}
}

// daemonFlags are the letters of Modifier= in DaemonPortOptions in the order in which they are shown.
var daemonFlags = []struct {
	letter byte
	name   string
}{
	{'a', "AUTHREQ"}, {'b', "BINDIF"}, {'c', "CANONREQ"}, {'h', "IFNHELO"}, {'f', "FQMAIL"}, {'r', "FQRCPT"}, {'s', "SMTPS"},
	{'u', "UNQUALOK"}, {'A', "NOAUTH"}, {'C', "NOCANON"}, {'E', "NOETRN"}, {'S', "NOTLS"}, {'O', "OPTIONAL"},
}

// daemonTrace shows the modifiers of a daemon; number counts the daemons before it.
func daemonTrace(value string, number int) string {
	name, letters := fmt.Sprintf("Daemon%d", number), ""
	for _, field := range strings.Split(value, ",") {
		key, v, _ := strings.Cut(strings.TrimSpace(field), "=")
		v = strings.TrimSpace(v)
		switch {
		case strings.HasPrefix(key, "N"):
			name = v
		case strings.HasPrefix(key, "M"):
			letters += v
		}
	}
	var flags []string
	for _, f := range daemonFlags {
		if strings.IndexByte(letters, f.letter) >= 0 {
			flags = append(flags, f.name)
		}
	}
	shown := ""
	if len(flags) > 0 {
		shown = "<" + strings.Join(flags, ",") + ">"
	}
	return fmt.Sprintf("Daemon %s flags: %s\n", name, shown)
}
