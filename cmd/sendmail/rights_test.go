package main

import (
	"strings"
	"testing"

	"gosendmail/cf"
)

// TestKeptRights holds which command lines keep the rights of a set-group-ID file, by flag and by mode.
func TestKeptRights(t *testing.T) {
	for line, want := range map[string]bool{
		"-t -i": true, "-oi -odq -oem": true, "-ODeliveryMode=q -O Timeout.queuereturn=1d": false, "-OLogLevel=5": true, "-oQ/tmp": false,
		"-OQueueDirectory=/tmp -qIx": false, "-Cx.cf": false, "-X log": false, "-D log": false, "-O ErrorMode=m -oL9": true, "-oB_": false,
		"-ov": true, "-c": false, "-s": false, "-m": true, "-Mrx -Msy": true, "-M{r}x": false, "-Mxy": false, "-oMrx": true, "-oMxr": false, "-T3d": false,
		"-bd": false, "-bD": false, "-bi": false, "-bt": false, "-bC": false, "-bh": false, "-bH": false,
		"-bm": true, "-bs": true, "-ba": true, "-bv": true, "-bp": true, "-bP": true, "-q": true, "-q1h": true, "-Qx -qIx": true, "-Ac -q": true,
		"-Am": true, "-L tag": true, "-fa -Fb -h3 -pSMTP:x -Vx -Nnever -Rfull -B7BIT -G -n -v": true, "-ONoSuchOption=x": true, "-OQueue=x": true,
	} {
		f, err := parseFlags(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		if f.keepsSetgid() != want {
			t.Errorf("%s: keeps rights: %t", line, !want)
		}
	}
}

// spellings are the ways to name an option on a command line, each beginning of its name among them, as lists of
// arguments.
func spellings(d cf.Def) (list [][]string) {
	for i := 1; i <= len(d.Name); i++ {
		name := d.Name[:i]
		list = append(list, []string{"-O", name + "=1"}, []string{"-o", " " + strings.ToLower(name) + ".x=1"})
	}
	for _, n := range []string{strings.ToUpper(d.Name), " " + d.Name + " ", "\t" + d.Name, d.Name + ".x", d.Name + " .x", d.Name + ". x"} {
		list = append(list, []string{"-O" + n}, []string{"-O", n + " = 1"}, []string{"-o " + n}, []string{"-o", " " + n + "=1"})
	}
	if d.Letter != 0 {
		list = append(list, []string{"-o" + string([]byte{d.Letter}) + "1"}, []string{"-o", string([]byte{d.Letter})}, []string{"-io" + string([]byte{d.Letter}) + "1"})
	}
	return list
}

// TestWhatIsSetIsJudged: however an option is named, in every mode, a call that sets one that is not for everybody
// keeps no rights. What is set is what the parser of the configuration says it was.
func TestWhatIsSetIsJudged(t *testing.T) {
	tried := 0
	for _, d := range cf.Options() {
		for _, args := range spellings(d) {
			f, err := parseFlags(append(args, "alice"))
			if err != nil {
				continue // refused
			}
			c, err := cf.Parse(strings.NewReader("V10\n"), cf.Input{File: "x.cf", Options: f.configOptions()})
			if err != nil {
				t.Fatal(err)
			}
			safe := true
			for _, o := range c.Options {
				set, known := cf.Lookup(o.Name)
				safe = safe && (known && set.Safe || o.Name == "M" && cf.SafeMacro(o.Value))
			}
			for _, mode := range "madDCiIhHpPstv" {
				f.mode = byte(mode)
				if f.keepsSetgid() && !safe {
					t.Errorf("%q in mode %c: keeps rights and sets %+v", args, mode, c.Options)
				}
			}
			f.mode = modeDeliver
			if !f.keepsSetgid() && safe {
				t.Errorf("%q: loses rights and sets %+v", args, c.Options)
			}
			tried++
		}
	}
	if tried < 5000 {
		t.Errorf("only %d spellings", tried)
	}
}
