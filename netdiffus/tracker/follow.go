package tracker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Intervals of a Follower.
const (
	poll      = 2 * time.Second  // between two looks at the metrics
	filesTime = 30 * time.Second // between two looks at the other files
	longest   = time.Minute      // between two attempts to reach a tracker
)

// Follower sends a run to trackers while it is trained.
type Follower struct {
	stop    context.CancelFunc
	stopped chan struct{}
	wait    sync.WaitGroup
	ending  ending
	mu      sync.Mutex
	sent    []Sent
	say     func(string)
	dir     string
	pause   time.Duration // poll, but for tests
}

// ending is how a Follower is to end.
type ending struct {
	status Status
	ctx    context.Context
}

// Follow begins to send the run in dir, which need not be there yet, to the targets,
// each in a goroutine of its own. say, if not nil, is called with what is worth
// telling: a tracker that is not reached, and that it is reached again.
//
// Close must be called.
func Follow(dir string, targets []Target, say func(string)) *Follower {
	return follow(dir, targets, say, poll)
}

func follow(dir string, targets []Target, say func(string), pause time.Duration) *Follower {
	ctx, cancel := context.WithCancel(context.Background())
	if say == nil {
		say = func(string) {}
	}
	f := &Follower{stop: cancel, stopped: make(chan struct{}), dir: dir, say: say, pause: pause, sent: make([]Sent, len(targets))}
	for i, t := range targets {
		f.wait.Go(func() { f.send(ctx, i, t) })
	}
	return f
}

// Close sends what is left, while ctx lasts, and tells the trackers how the run ended.
// It returns what each target has got, in their order. What is left is no error: the
// run directory has it, and Export sends it.
func (f *Follower) Close(ctx context.Context, status Status) []Sent {
	f.ending = ending{status, ctx}
	// A request under way is not cut short: it may be the one that the tracker was slow
	// to answer. It ends with ctx.
	context.AfterFunc(ctx, f.stop)
	close(f.stopped)
	f.wait.Wait()
	f.stop()
	return f.sent
}

func (f *Follower) tell(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.say(fmt.Sprintf(format, args...))
}

// send sends to one target until the Follower is closed.
func (f *Follower) send(ctx context.Context, i int, t Target) {
	f.sent[i] = Sent{Step: -1}
	var s *sender
	var nextFiles time.Time
	var told, final bool
	backoff := f.pause
	for {
		wait := f.pause
		again := !told // there is a reason to try again
		err := f.pass(ctx, &s, t, &nextFiles, final)
		switch {
		case err == nil && told:
			f.tell("%s is reached again", t)
			told = false
		case err != nil && ctx.Err() == nil && !errors.Is(err, track.ErrNotRun):
			if !told {
				f.tell("%v; training goes on, and what is missed can be sent later", err)
				told = true
			}
			wait, backoff = backoff, min(2*backoff, longest)
		}
		if err == nil {
			backoff = f.pause
		}
		// One that could not be reached before is tried once more, and not waited for.
		if final && (err == nil || told && !again || ctx.Err() != nil || errors.Is(err, track.ErrNotRun)) {
			break
		}
		if final {
			wait = min(wait, time.Second)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		case <-f.finishing(final):
		}
		select {
		case <-f.stopped:
			final = true
		default:
		}
	}
	if s == nil {
		f.sent[i].At = t.String()
		return
	}
	f.sent[i] = s.result()
	if err := s.close(); err != nil {
		f.tell("%v", err)
	}
}

// finishing ends when the Follower is closed; once that is known it never does.
func (f *Follower) finishing(known bool) <-chan struct{} {
	if known {
		return nil
	}
	return f.stopped
}

// pass sends what is new. The last one sends all there is.
func (f *Follower) pass(ctx context.Context, s **sender, t Target, nextFiles *time.Time, final bool) error {
	if *s == nil {
		if _, err := os.Stat(track.ConfigFile(f.dir)); err != nil {
			return track.ErrNotRun // not yet
		}
		made, err := newSender(f.dir, t)
		if err != nil {
			return err
		}
		*s = made
	}
	if err := (*s).metrics(ctx); err != nil {
		return err
	}
	if now := time.Now(); final || now.After(*nextFiles) {
		if err := (*s).files(ctx); err != nil {
			return err
		}
		*nextFiles = now.Add(filesTime)
	}
	if final {
		return (*s).finish(ctx, f.ending.status)
	}
	return nil
}
