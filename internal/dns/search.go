package dns

import (
	"context"
	"errors"
)

// Search asks for one record type of a name as resolv.conf(5) completes names: each candidate in turn until one has
// such records. A name with a final dot is asked as it is. Servers that fail decide only where no candidate is
// answered.
func (r *Resolver) Search(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	var failed error
	for _, full := range r.candidates(name) {
		a, err := r.Query(ctx, full, qtype)
		if err == nil {
			return a, nil
		}
		if KindOf(err) == Unusable {
			return nil, err
		}
		failed = better(failed, err)
	}
	return nil, failed
}

// better keeps what is known best of a name: that servers failed, then that it has no such record, then the first
// error.
func better(a, b error) error {
	switch {
	case a == nil || errors.Is(b, ErrTemporary):
		return b
	case !errors.Is(a, ErrTemporary) && KindOf(b) == NoData:
		return b
	}
	return a
}
