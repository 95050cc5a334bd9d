package mta

import (
	"context"
	"fmt"
	"strings"

	"gosendmail/internal/macro"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// errorNames are the words that $#error takes after $@ in place of a code (op.txt section 5.1.2).
var errorNames = map[string]int{
	"usage": status.Usage, "nouser": status.NoUser, "nohost": status.NoHost, "unavailable": status.Unavailable,
	"software": status.Software, "tempfail": status.TempFail, "protocol": status.Protocol, "config": status.Config,
}

// errorStatus reads what follows $#error: $@ an enhanced code, a sysexits code or a word; $: the text, which may begin
// with a reply code and an enhanced code. message is what is told to people, with its codes.
func errorStatus(hasHost bool, host, user string) (st status.Status, message string) {
	st.Exit = status.Unavailable
	if hasHost {
		if e, rest, ok := status.ParseEnhanced(host); ok && rest == "" {
			st.Enhanced = e
		}
		st.Exit = errorExit(host)
	}
	text := unquote(user)
	code, rest, ok := replyCode(text)
	if !ok {
		st.Code, st.Text = 553, text
		if st.Enhanced == (status.Enhanced{}) {
			st.Enhanced = status.Enhanced{5, 3, 0}
		}
		return st, "553 5.3.0 " + text
	}
	st.Code = code
	given := status.Enhanced{}
	if e, after, ok := status.ParseEnhanced(rest); ok && strings.HasPrefix(after, " ") {
		given, rest = e, after[1:]
	}
	shown := given
	if shown == (status.Enhanced{}) {
		shown = st.Enhanced
	}
	if shown == (status.Enhanced{}) {
		shown = status.Enhanced{code / 100, 0, 0}
	}
	st.Enhanced, st.Text = shown, rest
	return st, fmt.Sprintf("%d %s %s", code, shown, rest)
}

// errorExit is the exit code that the host part of $#error stands for.
func errorExit(host string) int {
	switch {
	case strings.Contains(host, "."):
		return dsnExit(host)
	case host != "" && digit(host[0]):
		n := 0
		for i := 0; i < len(host) && digit(host[i]) && n < 1000; i++ {
			n = n*10 + int(host[i]-'0')
		}
		return n
	}
	if code, ok := errorNames[strings.ToLower(host)]; ok {
		return code
	}
	return status.Unavailable
}

// dsnExits are the exit codes of permanent enhanced codes without their class: that of each detail, where the subject
// tells them apart.
var dsnExits = map[int]map[int]int{
	1: {0: status.DataErr, 1: status.NoUser, 2: status.NoHost, 3: status.Usage, 5: status.Config, 6: status.NoUser, 7: status.Usage, 8: status.NoHost},
	2: {3: status.DataErr},
	4: {0: status.IOErr, 1: status.TempFail, 2: status.IOErr, 3: status.TempFail, 4: status.Protocol, 5: status.TempFail, 6: status.Config},
}

// dsnExit maps an enhanced code to an exit code.
func dsnExit(code string) int {
	e, _, ok := status.ParseEnhanced(code)
	switch {
	case !ok:
		return status.Config
	case e[0] == 2:
		return status.OK
	case e[0] == 4:
		return status.TempFail
	}
	switch e[1] {
	case 3:
		return status.OSErr
	case 5:
		return status.Protocol
	case 7:
		return status.DataErr
	}
	if exit, ok := dsnExits[e[1]][e[2]]; ok {
		return exit
	}
	return status.Unavailable
}

// Verdict is what a check_* ruleset decided.
type Verdict struct {
	Called     bool            // the ruleset exists
	Status     status.Status   // zero: accepted
	Discard    bool            // $#discard
	Quarantine string          // $#error $@ quarantine $: reason; "" means not
	Rewritten  string          // what the ruleset made of its input where it did not resolve, as text
	Resolved   bool            // it began with $#
	Return     rules.Workspace // as it came
	Message    string          // of a refusal, with its codes: "550 5.7.1 Access denied"
	Failed     bool            // the check could not be carried out, which is why it refuses
	About      string          // with Failed, the text that could not be scanned; "" where it is not about one
}

// OK reports whether the ruleset had nothing against it.
func (v *Verdict) OK() bool { return v.Status.Exit == status.OK && v.Status.Code == 0 && !v.Discard }

// CheckOptions tune Site.Check.
type CheckOptions struct {
	StripComments bool // comments in parentheses are dropped, and what is unbalanced is an error (addresses)
	Quiet         bool // errors within rules are not told, and those that could be mended do not count (header texts)
	NoSpace       bool // Rewritten has no blanks between words
	// Function is what calls the ruleset as -d48.2 shows it; "" means rscheck.
	Function string
}

// Check runs a ruleset such as check_mail over what was said, and reads its answer. Two values (hasSecond) are given to
// it with "$|" between (op.txt section 5.1.4).
func (s *Site) Check(ctx context.Context, env *Env, ruleset, first, second string, hasSecond bool, o CheckOptions) Verdict {
	function := o.Function
	if function == "" {
		function = "rscheck"
	}
	env.tellCheck("%s(%s, %s, %s)\n", function, ruleset, first, secondShown(second, hasSecond))
	set := s.Sets.Ruleset(ruleset)
	if set == nil {
		return Verdict{}
	}
	v := Verdict{Called: true}
	input := inert(first)
	if hasSecond {
		input += string([]byte{macro.CondElse}) + inert(second)
	}
	scan := s.scanInput(input, o)
	if scan.Workspace == nil {
		env.tellCheck("%s: cannot prescan input\n", function)
		if scan.Failed {
			v.fail(first, scan.Problems[len(scan.Problems)-1])
		}
		return v
	}
	t := trouble{quiet: o.Quiet}
	told := env.Problem
	env.Problem, env.unanswered = t.hear(told), false
	ret, err := s.Sets.Run(ctx, env, set, scan.Workspace)
	env.Problem = told
	v.Return = ret.Workspace
	s.verdict(&v, ruleset, o)
	t.judge(&v, err, env.unanswered)
	if v.Message != "" && env.Debug.At(24, 5) {
		env.Debug.Printf("buildaddr, flags=0, tv=%s\n", tokens(v.Return))
	}
	if v.Discard && function == "rscheck" {
		env.tellCheck("rscheck: discard mailer selected\n")
	}
	return v
}

// scanInput takes apart what a check is about. Addresses have been scanned before with the limits of addresses, and
// what is said about the rest must not depend on how long it is: the original leaves such a check out.
func (s *Site) scanInput(input string, o CheckOptions) rules.Scan {
	mode, lenient := rules.KeepComments, true
	if o.StripComments {
		mode, lenient = rules.Internal, false
	}
	scan := s.Sets.Scan(input, 0, mode, lenient)
	if !scan.Failed {
		return scan
	}
	return s.Sets.ScanLong(input, mode)
}

// trouble is what kept a check from being carried out.
type trouble struct {
	quiet     bool
	to, text  string // the first error that counts
	last      string // the last error, whether it counts or not
	lastAbout string
}

// hear returns what rules report their errors to; those that are not quiet are passed on.
func (t *trouble) hear(told func(to, text string)) func(to, text string) {
	return func(to, text string) {
		t.last, t.lastAbout = text, to
		mended := t.quiet && to != "" // in a text, and mended unless the ruleset ends there
		if code, _, ok := replyCode(text); ok && code >= 400 && t.text == "" && !mended {
			t.to, t.text = to, text
		}
		if told != nil && !t.quiet {
			told(to, text)
		}
	}
}

// judge turns the verdict of a check that could not be carried out into a refusal: with the error of its rules, or for
// now where a map could not be asked (unanswered) and the rules went on as if it had nothing to say.
func (t *trouble) judge(v *Verdict, err error, unanswered bool) {
	if f, ok := err.(*rules.Failure); ok && f.Exit != status.TempFail && t.text == "" {
		if t.to, t.text = t.lastAbout, t.last; t.text == "" {
			t.text = "554 5.3.5 rewrite: " + f.Error()
		}
	}
	switch {
	case t.text != "":
		v.fail(t.to, t.text)
	case unanswered && !v.Status.Temporary():
		v.fail("", temporaryFailure)
	}
}

// temporaryFailure is what is said where a map that a check needs cannot be asked.
const temporaryFailure = "451 4.3.0 Temporary system failure. Please try again later."

// fail makes a verdict a refusal because the check could not be carried out.
func (v *Verdict) fail(about, text string) {
	v.Failed, v.About, v.Message, v.Discard, v.Quarantine = true, about, text, false, ""
	v.Status = statusOf(text, status.Unavailable)
	if v.Status.Enhanced == (status.Enhanced{}) {
		v.Status.Enhanced = status.Enhanced{v.Status.Code / 100, 0, 0}
	}
	if v.Status.Code/100 == 4 {
		v.Status.Exit = status.TempFail
	}
}

// inert keeps bytes of the input from acting as operators.
func inert(text string) string {
	for i := range len(text) {
		if macro.IsOperator(text[i]) || text[i] == macro.Quote {
			return string(guarded([]byte(text)))
		}
	}
	return text
}

func guarded(text []byte) []byte {
	out := make([]byte, 0, len(text)+8)
	for _, c := range text {
		if macro.IsOperator(c) || c == macro.Quote {
			out = append(out, macro.Quote)
		}
		out = append(out, c)
	}
	return out
}

// verdict reads the answer of a check ruleset.
func (s *Site) verdict(v *Verdict, ruleset string, o CheckOptions) {
	ws := v.Return
	if len(ws) == 0 {
		return
	}
	if ws[0].Op() != macro.CanonNet {
		space := byte(' ')
		if o.NoSpace {
			space = rules.NoSpace
		}
		v.Rewritten = s.Sets.Join(ws, space, true)
		return
	}
	v.Resolved = true
	p := ws.Parts()
	switch {
	case p.Mailer == "discard":
		v.Discard = true
	case p.Mailer != "error":
	case p.HasHost && len(p.Host) > 0 && p.Host[0].Text() == "quarantine":
		v.Quarantine = ruleset
		if len(p.User) > 0 && len(p.Host) == 1 {
			v.Quarantine = s.Sets.Join(p.User, ' ', true)
		}
	case !p.HasUser:
		v.Message = "554 5.3.5 buildaddr: no user"
		v.Status = statusOf(v.Message, status.Software)
	default:
		host := s.Sets.Join(p.Host, 0, true)
		v.Status, v.Message = errorStatus(p.HasHost, host, s.Sets.Join(p.User, ' ', false))
	}
}
