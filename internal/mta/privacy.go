package mta

import (
	"fmt"
	"strings"
)

// privacy is option PrivacyOptions.
type privacy uint32

const (
	needMailHelo privacy = 1 << iota
	needExpnHelo
	needVrfyHelo
	noExpn
	noVrfy
	noEtrn
	noVerb
	authWarnings
	restrictMailq
	restrictQrun
	restrictExpand
	noReceipts
	noBodyReturn
	noActualRecipient

	goAway = needMailHelo | needExpnHelo | needVrfyHelo | noExpn | noVrfy | noVerb | authWarnings
)

var privacyNames = map[string]privacy{
	"public": 0, "needmailhelo": needMailHelo, "needexpnhelo": needExpnHelo, "needvrfyhelo": needVrfyHelo,
	"noexpn": noExpn | noVerb, "novrfy": noVrfy, "noetrn": noEtrn, "noverb": noVerb, "authwarnings": authWarnings,
	"restrictmailq": restrictMailq, "restrictqrun": restrictQrun, "restrictexpand": restrictExpand,
	"noreceipts": noReceipts, "nobodyreturn": noBodyReturn, "noactualrecipient": noActualRecipient,
	"goaway": goAway,
}

// parsePrivacy reads the option: names separated by blanks or commas. A name that nobody knows is an error, the others
// hold.
func parsePrivacy(text string) (privacy, error) {
	var p privacy
	var err error
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		bit, ok := privacyNames[word]
		if !ok && err == nil {
			err = fmt.Errorf("readcf: Op line: %s unrecognized", word)
		}
		p |= bit
	}
	return p, err
}

func (p privacy) has(bit privacy) bool { return p&bit != 0 }
