package mta

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

func TestReadHeader(t *testing.T) {
	tests := []struct{ name, text, fields, body string }{
		{"fields and body", "A: 1\nB : 2\n\nbody\n", "A= 1;B= 2;", "body\n"},
		{"folded", "A: 1\n\t2\n 3\nB:\n\n", "A= 1\n\t2\n 3;B=;", ""},
		{"no empty line", "A: 1\nnot a field\nB: 2\n", "A= 1;", "not a field\nB: 2\n"},
		{"no header", "\nbody\n", "", "body\n"},
		{"nothing", "", "", ""},
		{"mailbox line", "From a@b Sun Nov 22\nA: 1\n\nx\n", "A= 1;", "x\n"},
		{"control character in a name", "A\x01: 1\n\nx\n", "", "A\x01: 1\n\nx\n"},
		{"colon first", ": 1\n\nx\n", "", ": 1\n\nx\n"},
		{"a field that ends the header", "A: 1\nText: x\nB: 2\n\nbody\n", "A= 1;", "Text: x\nB: 2\n\nbody\n"},
		{"such a field first", "message : x\nA: 1\n", "", "message : x\nA: 1\n"},
		{"cut off", "A: 1\nB: 2", "A= 1;B= 2;", ""},
		{"folded first", " A: 1\n\nx\n", "", " A: 1\n\nx\n"},
		{"long name", strings.Repeat("n", 200) + ": 1\n\n", strings.Repeat("n", 200) + "= 1;", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			br := bufio.NewReader(strings.NewReader(tt.text))
			h, err := readHeader(br, 0, false, false)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range h.fields {
				got += f.Name + "=" + f.Value + ";"
			}
			body, _ := io.ReadAll(br)
			if got != tt.fields || string(body) != tt.body {
				t.Errorf("fields %q, body %q", got, body)
			}
		})
	}
}

func TestHeaderLimit(t *testing.T) {
	br := bufio.NewReader(strings.NewReader("A: " + strings.Repeat("x", 1000) + "\n\n"))
	if _, err := readHeader(br, 500, false, false); err != errHeaderTooLong {
		t.Errorf("error %v", err)
	}
}

func FuzzReadHeader(f *testing.F) {
	for _, s := range []string{"A: 1\n\nx", "From x\nA:1\n b\n\n", "\n", ":", "A:", "A \t:\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		br := bufio.NewReaderSize(strings.NewReader(text), 64)
		h, err := readHeader(br, 10000, true, false)
		if err != nil {
			return
		}
		rest, err := io.ReadAll(br)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(text, string(rest)) || h.size+int64(len(rest)) != int64(len(text)) {
			t.Errorf("%d bytes of header and %d of body make %d", h.size, len(rest), len(text))
		}
		for _, f := range h.fields {
			if f.Name == "" || strings.ContainsAny(f.Name, ": \t\n") {
				t.Errorf("name %q", f.Name)
			}
		}
	})
}

func TestSplitListAndFold(t *testing.T) {
	s := testServer(t, "false")
	m := s.newMessage(s.site, s.macros, "x")
	for list, want := range map[string]string{
		"a, b@c , \"x, y\" <d@e> (f, g)": `a|b@c|"x, y" <d@e> (f, g)`,
		"":                               "",
		" , ,":                           "",
		"undisclosed-recipients:;":       "undisclosed-recipients:;",
	} {
		if got := strings.Join(m.splitList(list, false), "|"); got != want {
			t.Errorf("%q gives %q, want %q", list, got, want)
		}
	}
	if got := strings.Join(m.splitList("a b at c d @ e", true), "|"); got != "a|b|at|c|d @ e" {
		t.Errorf("old style: %q", got)
	}
}
