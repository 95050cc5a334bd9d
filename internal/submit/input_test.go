package submit

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestInput(t *testing.T) {
	tests := []struct {
		name, in, want string
		ignoreDots     bool
	}{
		{"plain", "a\nb\n", "a\nb\n", false},
		{"dot ends", "a\n.\nb\n", "a\n", false},
		{"dot at the very end", "a\n.", "a\n", false},
		{"one of two dots goes", "..a\n.b\n...c\n", ".a\n.b\n..c\n", false},
		{"dots ignored", "a\n.\n..b\n", "a\n.\n..b\n", true},
		{"CRLF", "a\r\nb\r\n.\r\nc\r\n", "a\nb\n", false},
		{"lone CR", "a\rb\n", "a\rb\n", false},
		{"no line end", "a\nb", "a\nb", false},
		{"nothing", "", "", false},
		{"long line", strings.Repeat("x", 70000) + "\n.\ny\n", strings.Repeat("x", 70000) + "\n", false},
		{"dot in a long line", strings.Repeat("x", 32<<10) + ".\ny\n", strings.Repeat("x", 32<<10) + ".\ny\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := io.ReadAll(iotest.OneByteReader(newInput(strings.NewReader(tt.in), tt.ignoreDots)))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %.60q, %v", got, err)
			}
		})
	}
}

func FuzzInput(f *testing.F) {
	f.Add("a\r\n.\r\nb", true)
	f.Fuzz(func(t *testing.T, text string, ignore bool) {
		got, err := io.ReadAll(newInput(strings.NewReader(text), ignore))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > len(text) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
