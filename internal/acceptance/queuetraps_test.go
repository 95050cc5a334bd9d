package acceptance

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// queueTraps change the files of a message that waits, as shell commands in the queue: $q is its control file, $d its
// data file.
var queueTraps = map[string]string{
	"plain":         ``,
	"qf: linked":    `mv $q /home/q; ln -s /home/q $q`,
	"qf: two names": `ln $q other`,
	"qf: fifo":      `rm $q; mkfifo $q`,
	"qf: folder":    `rm $q; mkdir $q`,
	"qf: device":    `rm $q; mknod $q c 1 3`,
	"qf: group":     `chmod 664 $q`,
	"qf: world":     `chmod 666 $q`,
	"qf: alice's":   `chown alice $q`,
	"qf: group's":   `chgrp alice $q`,
	"qf: empty":     `: >$q`,
	"df: linked":    `mv $d /home/d; ln -s /home/d $d`,
	"df: two names": `ln $d other`,
	"df: fifo":      `rm $d; mkfifo $d`,
	"df: folder":    `rm $d; mkdir $d`,
	"df: world":     `chmod 666 $d`,
	"df: alice's":   `chown alice $d`,
	"df: missing":   `rm $d`,
	"tf: linked":    `ln -s /home/t t${q#q}`,
	"tf: folder":    `mkdir t${q#q}`,
	"tf: fifo":      `mkfifo t${q#q}`,
	"xf: linked":    `echo old >/home/t; ln -s /home/t x${q#q}`,
	"xf: two names": `echo old >other; ln other x${q#q}`,
	"xf: fifo":      `mkfifo x${q#q}`,
	"xf: folder":    `mkdir x${q#q}`,
	"world folder":  `chmod 777 .`,
	"group folder":  `chmod 770 .; chgrp alice .`,
	"alice's":       `chown alice .`,
}

// TestFilesOfTheQueueAsTheOriginal has both run a queue with a message whose files somebody tampered with, in one of
// four ways, or with GOSENDMAIL_SLOW in all.
func TestFilesOfTheQueueAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf })
		clearQueue(t)
		cmd := exec.Command(w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-odq", "-fcarol", "carol")
		outputOf(cmd, "Subject: x\n\nx\n")
		run(t, "", "bash", "-c", "rm -rf /tmp/queue; cp -a /var/spool/mqueue /tmp/queue")
		hand := func(commands string, sendmail func(...string) *exec.Cmd) string {
			run(t, "", "bash", "-c", "rm -rf /home/[qdt] /var/spool/mqueue; cp -a /tmp/queue /var/spool/mqueue; cd /var/spool/mqueue; q=$(echo qf*); d=$(echo df*); "+commands)
			must(t, os.RemoveAll("/etc/mail/aliases.db"))
			outputOf(sendmail("-C"+w.path("log.cf"), "-bi"), "")
			must(t, os.Truncate(w.path("log"), 0))
			out := outputOf(sendmail("-C"+w.path("log.cf"), "-q"), "")
			settled(t, w)
			log := wholeLog(t, w)
			for _, m := range statLine.FindAllStringSubmatch(log, -1) {
				out += m[1] + " " + m[2] + " " + m[3] + "\n"
			}
			return queueMask.ReplaceAllString(out+run(t, "", "bash", "-c", "cd /var/spool/mqueue && ls; ls /home/[qdt] 2>&1 | grep -v cannot; cat /home/t other 2>/dev/null; :"), "ID")
		}
		for i, name := range slices.Sorted(maps.Keys(queueTraps)) {
			if os.Getenv("GOSENDMAIL_SLOW") == "" && i%4 != 0 {
				continue
			}
			got := hand(queueTraps[name], func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
			want := hand(queueTraps[name], func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
			if why := knownTraps[name]; got != want && why == "" {
				t.Errorf("%s:\nours:\n%soriginal:\n%s", name, got, strings.TrimSpace(want))
			}
		}
	})
}

var queueMask = regexp.MustCompile(`[0-9A-Za-z]{8}\d{6}\b`)

// knownTraps says why we do otherwise.
var knownTraps = map[string]string{
	"df: linked":  "a data file that is no regular file is not read",
	"df: folder":  "as above",
	"df: missing": "a message without its data is set aside",

	"qf: linked":   "a control file is reached by no link",
	"qf: alice's":  "whose file it is decides whether it is trusted",
	"qf: empty":    "what nobody can read is set aside",
	"world folder": "a queue that everybody can write to is not used",
}
