package mailstat

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Style is how statistics are printed.
type Style struct {
	Program bool     // for programs: times as numbers, no headings
	Names   []string // of mailers by number; nil leaves them out
	Now     time.Time
}

// Print writes the statistics as mailstats does.
func (f *File) Print(w io.Writer, s Style) error {
	var b strings.Builder
	unit := "K"
	if s.Program {
		unit = ""
		fmt.Fprintf(&b, "%d %d\n", f.Since.Unix(), s.Now.Unix())
	} else {
		b.WriteString("Statistics from " + f.Since.Format(time.ANSIC) + "\n")
		b.WriteString(" M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur")
		if s.Names != nil {
			b.WriteString("  Mailer")
		}
		b.WriteString("\n")
	}
	var total [7]int64
	for i := range Mailers {
		row := [7]int64{f.From[i], f.FromKB[i], f.To[i], f.ToKB[i], f.Rejected[i], f.Discarded[i], f.Quarantined[i]}
		used := row
		used[1], used[3] = 0, 0
		if used == [7]int64{} {
			continue
		}
		for j := range row {
			total[j] += row[j]
		}
		name := ""
		if s.Names != nil {
			name = "  " + nameOf(s.Names, i)
		}
		line(&b, fmt.Sprintf("%2d", i), row, unit, name)
	}
	if !s.Program {
		b.WriteString(strings.Repeat("=", 69) + "\n")
	}
	line(&b, " T", total, unit, "")
	if s.Program {
		fmt.Fprintf(&b, " C %8d %8d %6d\n", f.Accepted, f.Made, f.Refused)
	} else {
		fmt.Fprintf(&b, " C %8d %20d %20d\n", f.Accepted, f.Made, f.Refused)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func line(b *strings.Builder, label string, n [7]int64, unit, name string) {
	fmt.Fprintf(b, "%s %8d %10d%s %8d %10d%s   %6d  %6d  %6d%s\n", label, n[0], n[1], unit, n[2], n[3], unit, n[4], n[5], n[6], name)
}

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return strconv.Itoa(i)
}

// builtIn are the mailers that have numbers without being configured.
var builtIn = []string{"prog", "*file*", "*include*"}

// Names gives mailers their numbers: three are built in, the others follow in the order in which they are configured.
func Names(configured []string) []string {
	names := append([]string(nil), builtIn...)
	for _, n := range configured {
		if n != builtIn[0] && n != builtIn[1] && n != builtIn[2] {
			names = append(names, n)
		}
	}
	return names
}
