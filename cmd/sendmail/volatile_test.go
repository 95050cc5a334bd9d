package main

import (
	"regexp"
	"strings"
)

// volatile takes out of replies what differs from run to run; stable does so with queue identifiers.
var (
	volatile = strings.NewReplacer("\r", "")
	stable   = regexp.MustCompile(`\b[A-Za-z0-9]{8}[0-9]{6}\b`)
)
