package tracker

import (
	"context"
	"errors"
	"time"
)

// Options are those of Export.
type Options struct {
	// Status is how the run ended; "" leaves it open.
	Status Status
	// Attempts is how often a tracker that does not answer is tried, 0 means 4, with
	// longer and longer pauses between.
	Attempts int
	// Progress, if not nil, is called with a few words after each attempt that failed.
	Progress func(message string)
}

// Export sends to a tracker what it does not have of the run in dir: nothing, where it
// has everything. A tracker that has lost the run, or whose user has deleted it, is
// sent all of it again.
func Export(ctx context.Context, dir string, t Target, o Options) (Sent, error) {
	s, err := newSender(dir, t)
	if err != nil {
		return Sent{}, err
	}
	defer s.close()
	if o.Attempts <= 0 {
		o.Attempts = 4
	}
	for pause := time.Second; ; pause *= 2 {
		err := s.all(ctx, o.Status)
		o.Attempts--
		if err == nil || o.Attempts == 0 || ctx.Err() != nil || !temporary(err) {
			return s.result(), err
		}
		if o.Progress != nil {
			o.Progress(err.Error() + "; trying again in " + pause.String())
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return s.result(), ctx.Err()
		}
	}
}

// all sends everything.
func (s *sender) all(ctx context.Context, status Status) error {
	if err := s.metrics(ctx); err != nil {
		return err
	}
	if err := s.files(ctx); err != nil {
		return err
	}
	if status == "" {
		status = Running
	}
	return s.finish(ctx, status)
}

// temporary reports whether an error may pass by itself: one of the network, or a
// server's own.
func temporary(err error) bool {
	var no *answerError
	if errors.As(err, &no) {
		return no.status >= 500 || no.status == 429 || no.status == 408
	}
	var wrong *unreachable
	return errors.As(err, &wrong)
}
