package tracker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// mostPoints is how many lines of metrics are sent at once.
const mostPoints = 500

// sender sends one run to one tracker, from where it had got to.
type sender struct {
	dir     string
	tracker Tracker
	places  *places
	place   *place
	tail    *track.Tail
	clock   *clock
	run     Run
	opened  bool
	waiting []Point // read and not sent: at most one piece of the file
	sent    Sent
}

// Sent is what was sent to a tracker.
type Sent struct {
	At     string // the server or folder
	ID     string // the run's name there
	Points int    // lines of metrics
	Files  int    // files, and folders of samples
	Step   int    // the last step that is there; -1 before any
	Left   int    // lines of metrics that are not there
	// Skipped are files that the tracker could not be given, and why.
	Skipped []string
	// Unkept, if not nil, is why it is not noted in the run directory what was sent:
	// Export sends all of it again.
	Unkept error
}

func newSender(dir string, t Target) (*sender, error) {
	made, err := t.tracker()
	if err != nil {
		return nil, err
	}
	p, err := openPlaces(dir, t.Name)
	if err != nil {
		made.Close()
		return nil, err
	}
	s := &sender{dir: dir, tracker: made, places: p, place: p.of(made.At()), tail: track.NewTail(dir)}
	s.sent.At, s.sent.Unkept = made.At(), p.unkept
	return s, nil
}

// open begins the run at the tracker, or finds it.
func (s *sender) open(ctx context.Context) error {
	if s.opened {
		return nil
	}
	run, sessions, err := describe(s.dir)
	if err != nil {
		return err
	}
	id, fresh, err := s.tracker.Open(ctx, run, s.place.ID)
	if err != nil {
		return err
	}
	if fresh || id != s.place.ID {
		s.place.restart(id)
		if err := s.places.save(); err != nil {
			return err
		}
	}
	s.run, s.clock, s.opened = run, newClock(sessions), true
	return nil
}

// metrics sends the lines of metrics that the tracker has not got. It returns when
// there are no more.
func (s *sender) metrics(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	for {
		if err := s.flush(ctx); err != nil {
			return err
		}
		points, again, err := s.tail.Next()
		if err != nil {
			return err
		}
		if again {
			_, sessions, err := describe(s.dir)
			if err != nil {
				return err
			}
			s.clock = newClock(sessions)
		}
		for _, p := range points {
			if dated := s.clock.point(p); p.Step > s.place.Step {
				s.waiting = append(s.waiting, dated)
			}
		}
		if len(points) == 0 {
			return nil
		}
	}
}

// flush sends what waits.
func (s *sender) flush(ctx context.Context) error {
	for len(s.waiting) > 0 {
		some := s.waiting[:min(len(s.waiting), mostPoints)]
		if err := s.tracker.Send(ctx, Batch{Points: some}); err != nil {
			return err
		}
		s.place.Step = some[len(some)-1].Step
		s.sent.Points += len(some)
		s.waiting = s.waiting[len(some):]
		if err := s.places.save(); err != nil {
			return err
		}
	}
	s.waiting = nil
	if s.places.stale {
		return s.places.save()
	}
	return nil
}

// files sends the files, pictures and histograms that the tracker has not got.
func (s *sender) files(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	s.sent.Skipped = nil
	for _, one := range media(s.dir) {
		if s.place.Files[one.name] == one.version {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := one.read(s.run, s.clock.at)
		if err == nil {
			err = s.tracker.Send(ctx, batch)
			var refused *RefusedError
			if err != nil && !errors.As(err, &refused) {
				return err
			}
		}
		if err != nil {
			s.sent.Skipped = append(s.sent.Skipped, fmt.Sprintf("%s: %v", one.name, err))
			continue
		}
		s.place.Files[one.name] = one.version
		s.sent.Files++
		if err := s.places.save(); err != nil {
			return err
		}
	}
	return nil
}

// finish says how the run ended.
func (s *sender) finish(ctx context.Context, status Status) error {
	at := s.clock.at
	if status != Running {
		at = time.Now()
	}
	return s.tracker.Finish(ctx, status, at)
}

// result counts what is left.
func (s *sender) result() Sent {
	sent := s.sent
	sent.ID, sent.Step = s.place.ID, s.place.Step
	tail := track.NewTail(s.dir)
	for {
		points, _, err := tail.Next()
		if err != nil || len(points) == 0 {
			return sent
		}
		for _, p := range points {
			if p.Step > s.place.Step {
				sent.Left++
			}
		}
	}
}

func (s *sender) close() error {
	defer s.places.close()
	return s.tracker.Close()
}

// RefusedError is the error of a Send of something that the tracker does not take, now
// or later, such as a file that is too large.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }
