package mailers

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the child that delivers as another user.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildArg {
		os.Exit(ChildMain())
	}
	goleak.VerifyTestMain(m)
}
