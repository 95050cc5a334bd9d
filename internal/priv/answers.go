package priv

import (
	"sync"
	"time"
)

// maxAnswers bounds what Answers keeps.
const maxAnswers = 1000

// Answers keeps what getent(1) found for a while, since asking means a process. What it did not find is not kept: a user who was
// just made exists at once.
type Answers struct {
	Age time.Duration // how long an answer holds

	mu   sync.Mutex
	kept map[question]answer
}

type question struct{ database, key string }

type answer struct {
	text  string
	until time.Time
}

func (a *Answers) get(q question) (string, bool) {
	if a == nil {
		return "", false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	got, ok := a.kept[q]
	return got.text, ok && time.Now().Before(got.until)
}

func (a *Answers) put(q question, text string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil || len(a.kept) >= maxAnswers {
		a.kept = map[question]answer{}
	}
	a.kept[q] = answer{text, time.Now().Add(a.Age)}
}
