package sasl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// CyrusFile is the name of Cyrus SASL's configuration for sendmail.
const CyrusFile = "Sendmail.conf"

// CyrusFolders are where it is looked for; the first that has it counts.
var CyrusFolders = []string{"/etc/sasl2", "/etc/sasl", "/etc/mail/sasl", "/usr/lib/x86_64-linux-gnu/sasl2", "/usr/lib/aarch64-linux-gnu/sasl2",
	"/usr/lib64/sasl2", "/usr/lib/sasl2", "/usr/local/lib/sasl2"}

// Cyrus is what Sendmail.conf says.
type Cyrus struct {
	File       string   // where it was read from; empty where there is none
	Methods    []string // pwcheck_method: "saslauthd", "auxprop", tried in this order
	Mechanisms []string // mech_list, upper case; nil means all
	Saslauthd  string   // saslauthd_path
	SASLDB     string   // sasldb_path
	LogLevel   int      // log_level, 0 to 7
}

// LoadCyrus reads the first Sendmail.conf of the folders. Without one Cyrus' defaults hold: auxprop with sasldb. A
// setting that is not known here is refused with file and line, since it would change who may log in.
func LoadCyrus(folders []string) (Cyrus, error) {
	for _, dir := range folders {
		name := filepath.Join(dir, CyrusFile)
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Cyrus{}, err
		}
		defer f.Close()
		return ParseCyrus(name, f)
	}
	return cyrusDefaults(), nil
}

func cyrusDefaults() Cyrus {
	return Cyrus{Methods: []string{"auxprop"}, Saslauthd: DefaultSaslauthd, SASLDB: DefaultSASLDB, LogLevel: 1}
}

// ParseCyrus reads lines "name: value"; a # begins a comment line.
func ParseCyrus(name string, r io.Reader) (Cyrus, error) {
	c := cyrusDefaults()
	c.File = name
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(line, ":")
		if !found {
			return c, fmt.Errorf("%s:%d: not name: value", name, n)
		}
		if err := c.set(strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)); err != nil {
			return c, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return c, lines.Err()
}

func (c *Cyrus) set(key, value string) error {
	switch key {
	case "pwcheck_method":
		c.Methods = strings.Fields(value)
		for _, m := range c.Methods {
			if m != "saslauthd" && m != "auxprop" {
				return fmt.Errorf("pwcheck_method %s is not supported; saslauthd and auxprop are", m)
			}
		}
		if len(c.Methods) == 0 {
			return errors.New("pwcheck_method without a method")
		}
	case "auxprop_plugin":
		for _, p := range strings.Fields(value) {
			if p != "sasldb" {
				return fmt.Errorf("auxprop_plugin %s is not supported; sasldb is", p)
			}
		}
	case "mech_list":
		c.Mechanisms = nil
		for _, m := range strings.Fields(strings.ToUpper(value)) {
			if !slices.Contains(c.Mechanisms, m) {
				c.Mechanisms = append(c.Mechanisms, m)
			}
		}
	case "saslauthd_path":
		c.Saslauthd = value
	case "sasldb_path":
		c.SASLDB = value
	case "log_level":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 7 {
			return fmt.Errorf("log_level %q is not a number from 0 to 7", value)
		}
		c.LogLevel = n
	default:
		return fmt.Errorf("%s is not supported", key)
	}
	return nil
}
