package mc

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"unsafe"

	"gosendmail/cf/m4"
)

//go:embed library
var library embed.FS

// Root is the value of _CF_DIR_ for the embedded library, and begins the names of its files in positions.
const Root = "library:"

const door = "m4/cf.m4"

// kinds are the folders of the library whose files a macro of the .mc names.
var kinds = map[string]string{
	"feature": "FEATURE", "mailer": "MAILER", "ostype": "OSTYPE", "domain": "DOMAIN", "hack": "HACK",
}

// isDoor tells whether a file that an include names is the entry of a macro tree.
func isDoor(name string) bool { return name == door || strings.HasSuffix(name, "/"+door) }

// finder resolves includes: the embedded library or another tree, then the folders where a site keeps its own files.
type finder struct {
	tree    string   // the folder that replaces the embedded library; empty: embedded
	folders []string // further places of feature/x.m4 and the like
	entered bool     // an input file included the door
	foreign bool     // a file of the site was included
	open    func(string) (string, error)
}

// include is the hook of the engine. It leaves names that do not concern the library to the search path.
func (f *finder) include(e *m4.Engine, name string) (src *m4.Source, ok bool, err error) {
	below, library := strings.CutPrefix(name, Root)
	switch {
	case isDoor(name) && !library:
		src, err = f.enter(e, name)
	case library:
		src, err = f.find(path.Clean(below))
	case strings.HasSuffix(name, "/debian/autoconf.m4"):
		src, err = f.findDebian(name)
	default:
		return nil, false, nil
	}
	return src, true, err
}

// findDebian looks for Debian's description of the program, which its files name by the path of an installation.
func (f *finder) findDebian(name string) (*m4.Source, error) {
	const below = "debian/autoconf.m4"
	names := []string{name}
	if f.tree != "" {
		names = append(names, filepath.Join(f.tree, filepath.FromSlash(below)))
	}
	for _, name := range names {
		if text, err := f.open(name); err == nil {
			return &m4.Source{Name: name, Text: text}, nil
		}
	}
	return f.find(below)
}

// enter serves the door of the tree in force.
func (f *finder) enter(e *m4.Engine, name string) (*m4.Source, error) {
	f.entered = true
	if f.tree != "" {
		name = filepath.Join(f.tree, filepath.FromSlash(door))
		text, err := f.open(name)
		if err != nil {
			return nil, err
		}
		return &m4.Source{Name: name, Text: text}, nil
	}
	if dir := strings.TrimSuffix(name, door); dir != "" {
		f.folders = append(f.folders, dir)
	}
	if !e.Defined("_CF_DIR_") {
		e.Define("_CF_DIR_", Root)
	}
	return f.find(door)
}

// libraryText is a file of the embedded library; empty if it is not there.
func libraryText(below string) string {
	text, err := library.ReadFile("library/" + below)
	if err != nil {
		return ""
	}
	return unsafe.String(unsafe.SliceData(text), len(text)) // a copy already, and nobody else's
}

// find looks for a file by its name within a macro tree.
func (f *finder) find(below string) (*m4.Source, error) {
	if text := libraryText(below); text != "" {
		return &m4.Source{Name: Root + below, Text: text}, nil
	}
	first := error(fs.ErrNotExist)
	for _, dir := range f.folders {
		name := filepath.Join(dir, filepath.FromSlash(below))
		text, err := f.open(name)
		if err == nil {
			f.foreign = true
			return &m4.Source{Name: name, Text: text}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			first = err
		}
	}
	return nil, first
}

func readFile(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("mc: include: %w", err)
	}
	return string(text), nil
}

// Names lists what a kind of the embedded library holds: "feature", "mailer", "ostype", "domain" or "hack".
func Names(kind string) []string {
	files, err := fs.Glob(library, "library/"+kind+"/*.m4")
	if err != nil {
		return nil
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".m4")
	}
	return files
}

// confPrefix is the length of the conf name at the beginning of s; 0 if there is none.
func confPrefix(s string) int {
	if !strings.HasPrefix(s, "conf") || len(s) < 5 || s[4] < 'A' || s[4] > 'Z' {
		return 0
	}
	n := 4
	for n < len(s) && (s[n] == '_' || s[n] >= 'A' && s[n] <= 'Z' || s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}

// confKnown tells whether the library knows a conf define. Most are in two files; the others are looked through for the
// rest only.
func confKnown(name string) bool {
	if strings.Contains(optionsText(), "`"+name+"'") {
		return true
	}
	_, known := slices.BinarySearch(confNames(), name)
	return known
}

var optionsText = sync.OnceValue(func() string { return libraryText("m4/options.m4") + libraryText("m4/head.m4") })

// confNames lists the conf defines that the library knows.
var confNames = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	eachText(func(text string) bool {
		for rest := text; rest != ""; {
			_, after, _ := strings.Cut(rest, "conf")
			rest = after
			if n := confPrefix("conf" + after[:min(len(after), 60)]); n > 0 {
				seen["conf"+after[:n-4]] = true
			}
		}
		return true
	})
	return sortedKeys(seen)
})

// eachText calls f with the text of each file of the library, until it returns false.
func eachText(f func(text string) bool) {
	_ = fs.WalkDir(library, "library", func(name string, d fs.DirEntry, err error) error { // embedded: cannot fail
		if err == nil && !d.IsDir() && !f(libraryText(strings.TrimPrefix(name, "library/"))) {
			return fs.SkipAll
		}
		return nil
	})
}

// libraryMentions tells whether a name is in a file of the library.
func libraryMentions(name string) bool {
	found := hasWord(optionsText(), name)
	if !found {
		eachText(func(text string) bool {
			found = hasWord(text, name)
			return !found
		})
	}
	return found
}

// hasWord tells whether a name stands in a text as a word of m4.
func hasWord(text, name string) bool {
	for i := 0; ; {
		n := strings.Index(text[i:], name)
		if n < 0 {
			return false
		}
		i += n + len(name)
		before, after := i-len(name)-1, i
		if (before < 0 || !isWordByte(text[before])) && (after == len(text) || !isWordByte(text[after])) {
			return true
		}
	}
}

func isWordByte(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' }

// settings lists the names that the library reads and a .mc may define, but for the conf names.
var settings = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	quoted := regexp.MustCompile("`([A-Z][A-Z0-9_]{3,})'")
	eachText(func(text string) bool {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			seen[m[1]] = true
		}
		return true
	})
	return sortedKeys(seen)
})

// words lists the macros that a .mc calls by name.
var words = sync.OnceValue(func() []string {
	seen := map[string]bool{}
	text, _ := library.ReadFile("library/m4/words.m4")
	wordDef := regexp.MustCompile("(?m)^(?:define|_MEMBERS_|_HOOK_)\\(`([A-Z][A-Z0-9_]*)'")
	for _, m := range wordDef.FindAllStringSubmatch(string(text), -1) {
		seen[m[1]] = true
		if strings.HasPrefix(m[0], "_MEMBERS_") {
			seen[m[1]+"_FILE"] = true
		}
	}
	return sortedKeys(seen)
})

func sortedKeys(m map[string]bool) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
