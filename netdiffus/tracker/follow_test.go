package tracker

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

func redirect(to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
	})
}

// notes collects what a Follower says.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) say(m string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, m)
}

func (n *notes) count(words string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.list {
		if strings.Contains(m, words) {
			count++
		}
	}
	return count
}

// until waits for something to become true.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after half a minute: %s", what)
		}
	}
}

func grace(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestFollow(t *testing.T) {
	up, gone := newStandIn(t), newStandIn(t)
	gone.set(func() { gone.down = true })
	dir := filepath.Join(t.TempDir(), "first")
	var n notes
	f := follow(dir, []Target{target("mlflow", up.URL), target("trackio", gone.URL), {Name: "tensorboard"}}, n.say, 5*time.Millisecond)

	// The trainer begins after the follower.
	run, err := track.Create(dir)
	check(t, err)
	defer run.Close()
	check(t, run.AddSession(track.Session{Started: began}))
	check(t, run.WriteConfig(map[string]any{"preset": "quick"}))
	log, err := run.OpenLog(0)
	check(t, err)
	line := func(step int) { check(t, log.Add(step, map[string]float64{"loss": float64(step)})) }
	line(10)
	arrived := func(s *standIn, n int) func() bool {
		return func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, r := range s.runs {
				return len(r.metrics["loss"]) == n
			}
			return false
		}
	}
	until(t, "the first line arrives", arrived(up, 1))
	until(t, "it is said once that one is down", func() bool { return n.count("503") == 1 })
	line(20)
	line(30)
	until(t, "three lines arrive", arrived(up, 3))
	gone.set(func() { gone.down = false })
	until(t, "what was missed arrives", arrived(gone, 3))
	until(t, "it is said", func() bool { return n.count("is reached again") == 1 })
	gone.set(func() { gone.down = true })
	line(40)
	until(t, "it is said again that one is down", func() bool { return n.count("503") == 2 })
	check(t, log.Close())
	sent := f.Close(grace(t, 20*time.Second), Finished)
	if sent[0].Points != 4 || sent[0].Left != 0 || sent[1].Points != 3 || sent[1].Left != 1 || sent[2].Points != 4 {
		t.Errorf("sent %+v", sent)
	}
	if status := up.only(t).status; status != "FINISHED" {
		t.Errorf("the run is %s", status)
	}
	if steps := eventsIn(t, filepath.Join(dir, "tensorboard")); len(steps) < 5 {
		t.Errorf("events %v", steps)
	}

	// What it missed is sent later, and only that.
	gone.set(func() { gone.down = false })
	rest, err := Export(t.Context(), dir, target("trackio", gone.URL), Options{})
	if err != nil || rest.Points != 1 || rest.Left != 0 || gone.only(t).double != 0 {
		t.Errorf("sent later: %+v, %v, %d twice", rest, err, gone.only(t).double)
	}
}

// TestSlowTrackerIsNotWaitedFor closes a follower while the tracker takes its time.
func TestSlowTrackerIsNotWaitedFor(t *testing.T) {
	s := newStandIn(t)
	s.set(func() { s.slow = time.Hour })
	dir := newRun(t, 30)
	f := follow(dir, []Target{target("mlflow", s.URL)}, nil, time.Millisecond)
	until(t, "a request", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.requests > 0 })
	sent := f.Close(grace(t, 50*time.Millisecond), Stopped)
	if sent[0].Left != 3 || sent[0].Points != 0 {
		t.Errorf("sent %+v", sent)
	}
}

// TestFollowOfNothing closes a follower of a training that never began.
func TestFollowOfNothing(t *testing.T) {
	f := Follow(filepath.Join(t.TempDir(), "none"), []Target{{Name: "tensorboard"}}, nil)
	if sent := f.Close(grace(t, time.Minute), Failed); sent[0].Points != 0 || sent[0].Step != -1 {
		t.Errorf("sent %+v", sent)
	}
}
