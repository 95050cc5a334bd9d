package smtpd

// lineEnd is what becomes of a bare LF or a bare CR in a message.
type lineEnd uint8

const (
	refuseBare  lineEnd = iota // the message is refused, the connection ends
	replaceBare                // a space stands for it
	acceptBare                 // a bare LF ends a line, a bare CR is data
)

// features are the srv_features, the last word counts, that concern the dialogue (op.txt 5.1.4.17 and the release notes
// of 8.18.1).
type features struct {
	earlyCommands bool    // F: commands before the reply to HELO and DATA are taken
	anyDot        bool    // O: a lone dot ends the message with any line ends around it
	bareLF        lineEnd // G, g2
	bareCR        lineEnd // U, u2
	endOnHTTP     bool    // h: an HTTP command ends the connection at any time
	noDSN         bool    // D: the DSN parameters are refused
	noETRN        bool    // E
	noEXPN        bool    // X
}

func parseFeatures(words []string) (f features) {
	for _, w := range words {
		switch w {
		case "F":
			f.earlyCommands = true
		case "O":
			f.anyDot = true
		case "G":
			f.bareLF = acceptBare
		case "g2":
			f.bareLF = replaceBare
		case "U":
			f.bareCR = acceptBare
		case "u2":
			f.bareCR = replaceBare
		case "h":
			f.endOnHTTP = true
		case "D", "d":
			f.noDSN = w == "D"
		case "E", "e":
			f.noETRN = w == "E"
		case "X", "x":
			f.noEXPN = w == "X"
		}
	}
	return f
}
