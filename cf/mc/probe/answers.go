package probe

import (
	"regexp"
	"strings"
	"sync"
)

// prompted is the number of prompts at the beginning of a line, with their length.
func prompted(line string) (count, length int) {
	for strings.HasPrefix(line[length:], "> ") {
		count++
		length += 2
	}
	return count, length
}

// Answers takes the output of the address test mode apart: what stands before the first prompt, and for each prompt the
// last result.
func Answers(out string) (banner string, results []string) {
	for line := range strings.SplitSeq(out, "\n") {
		if n, length := prompted(line); n > 0 {
			results = append(results, make([]string, n)...)
			line = line[length:]
		}
		if len(results) == 0 {
			banner += line + "\n"
			continue
		}
		if strings.HasPrefix(line, "Rcode = ") || strings.HasPrefix(line, "Mailer ") {
			results[len(results)-1] = line // of /try
		} else if _, answer, ok := strings.Cut(line, " returns:"); ok {
			results[len(results)-1] = strings.TrimSpace(answer)
		}
	}
	banner, _, _ = strings.Cut(banner, "ADDRESS TEST MODE")
	return banner, results
}

// refusals are rule sets of which their caller sees refusals and other answers with a mailer only.
var refusals = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`check_?(relay|mail|rcpt|compat|other|eoh)|TLS_connection|STS_|greet_pause|queuegroup|x_connect|CheckTo|RateControl|ConnControl`)
})

// Verdict is what an answer means to who asked: what is not seen, for example the workspace of a check that does not
// refuse, is left out.
func Verdict(command, answer string) string {
	switch {
	case strings.HasPrefix(answer, "$#"):
		return answer
	case refusals().MatchString(command):
		return ""
	case strings.HasPrefix(command, "Relay_ok ") && answer != "RELAY" && answer != "REJECT":
		return ""
	}
	// When the access table cannot be asked, the original's ParseRecipient leaves a bracket before the address; no rule
	// looks at it.
	return strings.TrimPrefix(answer, "> ")
}
