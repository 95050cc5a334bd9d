package probe

import (
	"fmt"
	"math/rand/v2"
)

// Commands makes at least n commands for the test mode, the same ones each time, in an order that counts: some set what
// later ones see.
func Commands(n int) []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	address := func() string {
		if rnd.IntN(5) == 0 {
			return pick(odd)
		}
		return pick(locals) + "@" + pick(domains)
	}
	var out []string
	for _, a := range odd {
		out = append(out, "3,0 "+a)
	}
	for _, a := range locals {
		out = append(out, "3,0 "+a, "5 "+a)
	}
	for _, d := range domains {
		out = append(out, "3,0 x@"+d, "3,HdrFromSMTP,4 joe@"+d)
	}
	out = append(out, direct...)
	for _, a := range odd {
		out = append(out, "canonify "+a, "3,4 "+a, "3,HdrFromSMTP,4 "+a, "check_mail "+a, "check_rcpt "+a, "ParseRecipient "+a)
	}
	for _, flags := range []string{"HS", "ES", "HR", "ER"} {
		out = append(out, "/tryflags "+flags)
		for _, mailer := range []string{
			"local", "prog", "smtp", "esmtp", "smtp8", "dsmtp", "relay", "procmail", "uucp", "uucp-old", "uucp-new", "suucp", "uucp-dom", "uucp-uudom",
			"cyrus", "cyrusbb", "cyrusv2", "usenet", "fax", "pop", "mail11", "ph", "qpage", "ssh", "xagent", "feed",
		} {
			for range 4 {
				out = append(out, "/try "+mailer+" "+address())
			}
		}
	}
	for len(out) < n/2 {
		out = append(out, pick(rewritings)+" "+address())
	}
	each := n / 4 / len(clients)
	for _, c := range clients {
		out = append(out, session(c)...)
		for range max(each, 3) {
			a := address()
			out = append(out, "check_rcpt "+address(), ".Df"+a, "check_mail "+a, "check_mail <"+a+">")
		}
		for range 6 {
			out = append(out, pick(hooks))
		}
	}
	for _, s := range [][2]string{{"tls.example", "9.9.9.9"}, {"vfy.example", "8.8.8.8"}, {"no.example", "7.7.7.7"}, {"auth.example", "9.9.9.9"}} {
		out = append(out, ".D{server_name}"+s[0], ".D{server_addr}"+s[1], ".D{cipher_bits}112", ".D{auth_type}CRAM-MD5", ".D{auth_authen}me",
			".D{auth_author}you", ".D{cn_subject}other.example", ".D{cert_issuer}/C=DE", ".D{cert_subject}/CN=me", ".D{client_rate}30", ".D{client_connections}30",
			".D{rcpt_addr}x@tls.example")
		out = append(out, hooks...)
		out = append(out, ".D{verify}OK", "check_rcpt a@b.c", ".D{verify}")
	}
	return out
}

// session sets the macros of a client and asks what comes before a message.
func session(c client) []string {
	pair := fmt.Sprintf("%s $| %s", c.name, c.addr)
	return []string{
		".D{client_addr}" + c.addr, ".D{client_name}" + c.name, ".D{client_ptr}" + c.name, ".D{client_resolve}" + c.resolve, ".D{verify}NO",
		".D{auth_type}", ".D{auth_authen}", ".Dsbogus", ".D{client_rate}10", ".D{client_connections}3", ".D{server_name}" + c.name,
		".D{server_addr}" + c.addr, ".D{daemon_flags}" + []string{"", "f", "u", "c", "C C", "CC", "r"}[len(c.name)%7], ".D{opMode}s",
		"Start,check_relay " + pair, "Start,Local_check_relay " + pair, "Start,Basic_check_relay " + pair, "Start,greet_pause " + pair,
		"Start,checkrelay " + pair, "Start,x_connect " + pair,
	}
}
