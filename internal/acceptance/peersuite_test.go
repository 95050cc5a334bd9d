package acceptance

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/peertest"
)

// shapes are the ways in which a domain with a faulty exchanger can go on: what stands behind it, in the order of
// preference.
var shapes = []string{"", "healthy", "refusing healthy", "faulty healthy", "refusing", "address", "absent healthy"}

// peerCase is a faulty exchanger with its neighbours.
type peerCase struct {
	title string
	peers []peertest.Peer // by place; a peer without a name refuses connections
	zone  string
	rcpts int
}

// placeOf is the address of the k-th host of case i.
func placeOf(i, k int) string { return fmt.Sprintf("127.%d.%d.%d", 40+k, i/200, 1+i%200) }

// peerCases lays a case out for each fault and shape.
func peerCases(seed uint64) (list []peerCase) {
	r := rand.New(rand.NewPCG(seed, 1))
	faults := peertest.Peers()
	for _, shape := range shapes {
		for _, fault := range faults {
			c := peerCase{title: fault.Name + " / " + shape, peers: []peertest.Peer{fault}, rcpts: 1 + r.IntN(3)}
			i := len(list)
			domain := fmt.Sprintf("c%d.peers.test.", i)
			var zone strings.Builder
			fmt.Fprintf(&zone, "%s MX 10 a.%s\na.%s A %s\n", domain, domain, domain, placeOf(i, 0))
			for k, what := range strings.Fields(shape) {
				p := peertest.Peer{Name: what}
				switch what {
				case "refusing", "absent":
					p.Name = ""
				case "faulty":
					p = faults[r.IntN(len(faults))]
					c.title += " (" + p.Name + ")"
				}
				c.peers = append(c.peers, p)
				name := string(rune('b'+k)) + "." + domain
				switch what {
				case "address":
					fmt.Fprintf(&zone, "a.%s A %s\n", domain, placeOf(i, k+1))
				case "absent":
					fmt.Fprintf(&zone, "%s MX %d %s\n", domain, 20+10*k, name)
				default:
					fmt.Fprintf(&zone, "%s MX %d %s\n%s A %s\n", domain, 20+10*k, name, name, placeOf(i, k+1))
				}
			}
			c.zone = zone.String()
			list = append(list, c)
		}
	}
	return list
}

// How the original tells of a connection that is lost within a transaction depends on what else it was doing: with the
// reason or without, which it may also show as if it were a reply.
var (
	madeUpReply = regexp.MustCompile(`reply=4[25]1 4\.4\.1 [^,]*, `)
	staleReply  = regexp.MustCompile(`reply=[^,]*, (stat=Deferred: Connection refused)`)
	lostReason  = regexp.MustCompile(`stat=Deferred: (?:Connection reset by [^ "\n]*|Remote protocol error)`)
)

func lostWords(log string) string {
	log = staleReply.ReplaceAllString(madeUpReply.ReplaceAllString(log, ""), "$1")
	return lostReason.ReplaceAllString(log, "stat=Deferred")
}

// waitReason is why a message waits. Where several hosts were asked the original keeps what the first said, and repeats
// it for each recipient that RCPT put off.
var waitReason = regexp.MustCompile(`(?m)^(qf )?M.*\n`)

// knownFaults are why we answer otherwise to some faults, by a pattern of their names. Each stands in
// docs/differences.md.
var knownFaults = []struct{ fault, kind, why string }{
	{`: (not ended|carriage return|endless line)\b`, "", "a line that does not end is none"},
	{`endless|slow`, "log", "a reply is at most 1 MiB, and in time as a whole"},
	{`endless|slow`, "queue", "likewise"},
	{`^MAIL: (000|2500)|^RCPT: (000|2500)|greeting: two|EHLO: two`, "", "MAIL, RCPT and DATA go out at once: a reply too many is taken for the next one's"},
	{`enhanced . with`, "", "an enhanced code of another class than the reply's does not count"},
	{`controls|c1`, "", "control characters are shown as question marks"},
	{`EHLO: SIZE 1$`, "", "RFC 1870: the message is too large"},
	{`^DATA: `, "mail", "the report has the words with which DATA was refused"},
	{`^DATA: (long|many|2 then 5|5 then 2)`, "log", "the enhanced code counts"},
	{`long`, "log", "lines of replies are cut at 2047 bytes"},
	{`long`, "mail", "likewise"},
	{`^DATA: 350`, "", "anything but 354 is no leave to send the message"},
	{`: half a line$`, "", "a line that does not end is none"},
	{`^DATA: (junk before|bare|250)`, "log", "the enhanced code of a reply that DATA cannot have does not count"},
	{`^\.: (bare|5 then 2)`, "log", "the last line of the reply is shown"},
	{`^RCPT: 421`, "log", "the same code for all recipients, no waiting for what else may come"},
}

var lostWithin = regexp.MustCompile(`^RCPT: (?:closed|reset|silent|half|without|endless)`)

func knownPeerCase(o *outgoing, kind, _, _ string) string {
	_, name, _ := strings.Cut(o.title, " ")
	first, rest, _ := strings.Cut(name, " / ")
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "absent") && kind == "exit":
		return "the exit status tells what became of the message, not of a host on the way"
	case strings.Contains(first, "own name"):
		return "a host on the way that has our name is no error of the message"
	case kind == "log" && strings.HasPrefix(first, "RCPT: ") &&
		(strings.Contains(rest, "(MAIL: ") || rest == "refusing"):
		return "the log tells what keeps a recipient waiting once more at the end"
	}
	if _, second, ok := strings.Cut(rest, "("); ok && kind != "queue" {
		if kind == "log" && lostWithin.MatchString(second) {
			return "codes of recipients whose connection was lost"
		}
		if why := knownPeerCase(&outgoing{title: "0 " + strings.TrimSuffix(second, ")")}, kind, "", ""); why != "" {
			return why
		}
	}
	for _, k := range knownFaults {
		if (k.kind == "" || k.kind == kind) && regexp.MustCompile(k.fault).MatchString(first) {
			return k.why
		}
	}
	return ""
}

// peerSeed chooses neighbours and numbers of recipients.
const peerSeed = 11

// TestPeersAsTheOriginal sends mail to domains whose exchangers misbehave, alone and with others behind them, and holds
// what the peers are told, what the log, the queue and the sender's reports say to be the original's.
func TestPeersAsTheOriginal(t *testing.T) {
	all := peerCases(peerSeed)
	inArena(t, func(t *testing.T, w world) {
		var zone strings.Builder
		zone.WriteString("mail.example.test. A 127.0.0.1\n")
		for _, c := range all {
			zone.WriteString(c.zone)
		}
		write(t, w.path("zone"), zone.String())
	}, func(t *testing.T, w world) {
		s := newStand(t, w)
		numbers := casesOf(t, peerSeed, len(all), 16)
		var list []outgoing
		for _, n := range numbers {
			c := &all[n]
			for k, p := range c.peers {
				if p.Name != "" {
					s.listen(t, placeOf(n, k), p)
				}
			}
			o := outgoing{title: fmt.Sprintf("%d %s", n, c.title)}
			for k := range c.rcpts {
				o.args = append(o.args, fmt.Sprintf("r%d@c%d.peers.test", k, n))
			}
			list = append(list, o)
		}
		got, want := s.bothWays(t, list, func(i int) (addrs []string) {
			for k := range all[numbers[i]].peers {
				addrs = append(addrs, placeOf(numbers[i], k))
			}
			return addrs
		})
		for i := range list {
			for _, l := range []left{got[i], want[i]} {
				l["log"] = lostWords(l["log"])
				first := waitReason.FindString(l["queue"])
				l["queue"] = waitReason.ReplaceAllString(l["queue"], "")
				if len(all[numbers[i]].peers) == 1 {
					l["queue"] = first + l["queue"]
				}
			}
		}
		hold(t, 0, list, got, want, knownPeerCase)
	})
}
