package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"drac": main}) }

// TestScript runs the scripts in testdata/script: what the program says to people.
func TestScript(t *testing.T) { testscript.Run(t, testscript.Params{Dir: "testdata/script"}) }
