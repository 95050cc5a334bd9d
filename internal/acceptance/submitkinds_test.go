package acceptance

import (
	"slices"
	"strings"
	"testing"
)

// submitKinds are submissions that once ended otherwise than with the original, each for its kind. The whole of what
// they leave must be the original's.
var submitKinds = []struct {
	name, user, args, stdin string // the arguments are parted by blanks; "''" is an empty one
}{
	{"-odb with a flag that takes rights away", "root", "-Am -odb -c carol", ""},
	{"-odb with -s, for nobody's mail", "root", "-Am -odb -f<> -s -t", "Resent-To: bob\n\ntext\n"},
	{"-odb -X", "root", "-Am -odb -X/dev/null carol", ""},
	{"-odb: who failed at once is reported with who failed later", "root",
		"-Am -odb -oem -falice bob nosuch rej@remote.test", ""},
	{"-odb: a bad sender and a bad recipient in one report", "root",
		"-Am -odb -oeq -f/etc/passwd bob gone@virt.test", ""},
	{"-odb: nobody can be delivered to now", "root", "-Am -odb -oep |cat later@virt.test", ""},
	{"-odb -oeq: a member of a list fails", "root", "-Am -odb -oeq -f-x carol badlist", ""},
	{"-v prints complaints only where ErrorMode does", "root", "-Am -odi -v -oem -fa@b@c nosuch x@temp.test bob", ""},
	{"-v -oep", "root", "-Am -odi -v -oep x@temp.test bob", ""},
	{"-v: aliases of reports", "root", "-Am -odi -fnosuch -v full noinclude", ""},
	{"order of those who cannot be looked up", "root",
		"-Am -odq far@remote.test x@temp.test tmp@remote.test later@virt.test alice", ""},
	{"programs, files and lists that are named themselves", "root",
		"-Am -odq -Nsuccess -t", "To: :include:/etc/passwd, |cat, /etc/passwd, bob\n\ntext\n"},
	{"the only thing that an alias names is primary", "root", "-Am -odq pipe fwd file lists", ""},
	{"what RCPT said", "root", "-Am -odi tmp@remote.test tmp2@remote.test", ""},
	{"a list that cannot be read, in a header", "root", "-Am -odi -t", "To: noinclude\n\ntext\n"},
	{"exit status of a bad sender and an unknown user", "root", "-Am -odq -em -f|cat nosuch", ""},
	{"exit status of a bad sender and a look-up that waits", "root", "-Am -odq -em -f|cat later@virt.test", ""},
	{"exit status of a program and a look-up that waits", "root", "-Am -odq -em |cat later@virt.test", ""},
	{"exit status of a sender whom rules refuse", "root", "-Am -odq -em -fx@perm.test nosuch", ""},
	{"-oeq: a receipt beside a failure", "root", "-Am -eq -falice@example.test -Nsuccess root gone@virt.test", ""},
	{"-oeq: the sender is looked for", "root", "-Am -odi -oeq -f-x carol badlist", ""},
	{"-bs by a user who is not trusted", "bob", "-Ac -odi -bs",
		"EHLO localhost\r\nMAIL From:<alice>\r\nRCPT To:<carol>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n"},
	{"-bs without EHLO", "root", "-Am -odi -bs",
		"MAIL From:<alice>\r\nRCPT To:<far@remote.test>\r\nDATA\r\nSubject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n"},
	{"-ba: Sender:", "root", "-Am -ba -odq -falice alice", "From: bob\nSender: carol\n\n.profile\n..x\n.\nmore\n"},
	{"-ba: Resent-From:", "root", "-Am -ba -odq -falice alice", "From: bob\nResent-From: carol\n\ntext\n"},
	{"-ba without them", "root", "-Am -ba -odq -fx@alias.test alice", ""},
	{"-ba with a bad sender", "root", "-Am -ba -odq -f|cat alice", ""},
	{"-ba with a bad From:", "root", "-Am -ba -odq alice", "From: |cat\n\ntext\n"},
	{"-ba with a From: that is a list", "root", "-Am -ba -odq alice", "From: a, b\n\ntext\n"},
	{"-ba: no rights for who sends elsewhere", "alice", "-Ac -ba -odi -fnosuch@remote.test far@remote.test", ""},
	{"the sender of a report cannot be reached, as the peer says", "root",
		"-Am -odi -oem -frej@remote.test -t", "To: nosuch\n\ntext\n"},
	{"the reason for waiting: a report that cannot be sent", "root",
		"-Am -odi -flist -t", "To: postmaster, bob@\n\ntext\n"},
	{"the reason for waiting: the first that passes", "root", "-Am -odi x@temp.test tmp@remote.test exit75", ""},
	{"the reason for waiting: the last that does not", "root", "-Am -odb x@temp.test rej@remote.test bob", ""},
	{"-odb: who waits for a look-up is not looked up again", "root",
		"-Am -odb -f-x rej@remote.test carol later@virt.test", ""},
	{"-odb -ba: no rights for who sends elsewhere", "alice", "-Ac -odb -fbob@example.test -ba bob", ""},
	{"-odb: root's rights through the submission program", "root", "-Ac -odb -fx@remote.test bob", ""},
	{"-v: a kept connection", "root", "-Am -odi -v -fbounce@remote.test missing far2@remote.test", ""},
	{"a From: that says nothing, from nobody", "alice", "-Ac -odi -f '' bob", ""},
	{"fields without a value that the configuration adds, too", "root", "-Am -odi -falice bob",
		"Message-Id:\nDate: \n \nTo: bob\nSubject:\nX-Empty:\nReply-To:\n\ntext\n"},
	{"one of two fields without a value", "root", "-Am -odi -falice bob",
		"Message-Id: <a@b>\nMessage-Id:\nDate:\nDate: (c)\nTo: bob\n\ntext\n"},
	{"fields of resent messages without a value", "root", "-Am -odi -falice bob",
		"Resent-From: alice\nResent-Date:\nResent-Message-Id:\nTo: bob\n\ntext\n"},
	{"-MrUUCP: addresses of a header that comes back", "root",
		"-Am -odq -MrUUCP -fbounce@remote.test nosuch", "To: bob, alice\n\ntext\n"},
	{"-G: a report is of the same kind", "root", "-Am -odi -oep -fnosuch@nohost.test -G nosuch", ""},
	{"nobody as recipient", "alice", "-Ac -odi -oem -t", "To: <>\n\ntext\n"},
	{"-odq: a report names lists", "root", "-Am -odq -falice noinclude bob badlist", ""},
	{"-bs: EXPN", "root", "-Am -odi -bs", "EHLO localhost\r\nEXPN lists\r\nEXPN badlist\r\nQUIT\r\n"},
	{"-ba -t without recipients", "root", "-Am -odq -em -ba -t", "Resent-From: carol\nTo: file\n\ntext\n"},
	{"-ba -oeq with a bad From:", "root", "-Am -ba -odi -oeq far@remote.test", "From: a, b\n\ntext\n"},
	{"-odb -L by a user", "alice", "-Ac -odb -Lother bob", ""},
	{"order of complaints", "root", "-Am -odb -oem -fbounce@remote.test -t", "To: /etc/passwd, nosuch, file\n\ntext\n"},
	{"a sender whom the server refuses", "bob", "-Ac -odi -f/etc/passwd alice full", ""},
	{"-ba -t: complaints have their codes", "root",
		"-Am -odq -oep -ba -t", "To: datarej@remote.test, self\n\ntext\n"},
}

// TestSubmissionKindsAsTheOriginal hands them in.
func TestSubmissionKindsAsTheOriginal(t *testing.T) {
	inArena(t, prepareSubmissions, func(t *testing.T, w world) {
		moveRoot(t, "/home/root")
		trustLibraries(t, w)
		cases, numbers := make([]submitted, len(submitKinds)), make([]uint64, len(submitKinds))
		for i, k := range submitKinds {
			args := strings.Fields(k.args)
			for j := range args {
				args[j] = strings.ReplaceAll(args[j], "''", "")
			}
			cases[i] = submitted{user: k.user, args: args, stdin: k.stdin, msp: slices.Contains(args, "-Ac")}
			if k.stdin == "" {
				cases[i].stdin = "X-Last: 1\n\ntext\n"
			}
		}
		peers := &peerLog{}
		peers.peer(t, "127.0.1.1:25")
		want := handAll(t, &lab{w: w, program: w.path("original/sendmail"), peers: peers}, cases, numbers, "")
		got := handAll(t, &lab{w: w, program: w.path("ours/sendmail"), peers: peers}, cases, numbers, "")
		for i := range cases {
			verbose := cases[i].has("-v")
			ours, theirs := got[i].comparable(cases[i].msp, verbose), want[i].comparable(cases[i].msp, verbose)
			same := func(name string) bool { return ours[name] == theirs[name] }
			parts := slices.DeleteFunc(slices.Clone(sections), same)
			if len(parts) > 0 {
				t.Errorf("%s: %v\n%s\n%s", submitKinds[i].name, parts, &cases[i], differences(ours, theirs, parts))
			}
		}
	})
}
