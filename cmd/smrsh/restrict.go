package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"gosendmail/internal/maillog"
)

const (
	maxCommand = 998 // bytes of the whole line for the shell, as in the original
	special    = "`<>;$()\r\n^&|"
)

// refusal says why a command is not run.
type refusal struct {
	told     string // to the caller
	log      string // "attempt to use ..."
	priority maillog.Priority
	plain    bool // the log line does not begin with the user
}

func (r *refusal) logged(uid int) string {
	if r.plain {
		return r.log
	}
	return fmt.Sprintf("uid %d: %s", uid, r.log)
}

// restrict returns what the shell is to run for a command: the same with each program's name replaced by its place in folder.
func restrict(folder, command string) (line string, _ *refusal) {
	tooLong := &refusal{"command too long: " + command, fmt.Sprintf("command too long: %.40s", command), maillog.Warning, true}
	if len(folder)+1+len(command) > maxCommand {
		return "", tooLong
	}
	rest := trimSpace(command)
	logged := command[:len(command)-len(rest)] // a tab behind a name is a blank there, as in the original
	for rest != "" {
		words, after, r := oneProgram(folder, rest)
		if r != nil {
			return "", r
		}
		line += words
		logged += strings.Replace(rest[:len(rest)-len(after)], "exec\t", "exec ", 1)
		if len(line) > maxCommand {
			return "", tooLong
		}
		end := strings.IndexAny(after, special)
		if end < 0 {
			line += after
			break
		}
		operator := after[end:min(end+2, len(after))]
		if operator != "&&" && operator != "||" {
			return "", &refusal{fmt.Sprintf("cannot use %c in command", after[end]),
				fmt.Sprintf("attempt to use %c in command: %s", after[end], logged+after), maillog.Crit, false}
		}
		line += after[:end] + operator
		rest = trimSpace(after[end+2:])
		logged += after[:len(after)-len(rest)]
	}
	if len(line) > maxCommand {
		return "", tooLong
	}
	return line, nil
}

// oneProgram takes the name at the beginning of text, with exec before it if there is one, and returns what stands for it on the
// shell's line and what follows.
func oneProgram(folder, text string) (line, after string, _ *refusal) {
	name, after := word(text)
	if name == "exec" && after != "" {
		line = "exec "
		if text = trimSpace(after); text == "" {
			return "", "", &refusal{"missing command to exec", "missing command to exec", maillog.Crit, false}
		}
		name, after = word(text)
	}
	if name == "echo" || name == "exit" && line == "" {
		return line + name, after, nil
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	path := folder + "/" + name
	if why, ok := runnable(path); !ok {
		return "", "", &refusal{"\"" + name + "\" not available for sendmail programs" + why,
			"attempt to use \"" + name + after + "\"" + why, maillog.Crit, false}
	}
	return line + path, after, nil
}

// runnable reports whether path is a program, and if not, why, where there is more to say than that it is not.
func runnable(path string) (why string, ok bool) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return " (stat failed)", false
	case !info.Mode().IsRegular():
		return " (not a file)", false
	}
	return "", unix.Access(path, unix.X_OK) == nil
}

// word cuts text at the first blank or tab, which becomes a blank.
func word(text string) (first, rest string) {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], " " + text[i+1:]
	}
	return text, ""
}

// trimSpace cuts white space off the beginning.
func trimSpace(s string) string { return strings.TrimLeft(s, " \t\n\v\f\r") }
