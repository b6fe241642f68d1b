//go:build unix

package tracker

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// processorTime is what this process has used, as a program and in the system.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var use syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkFollow measures what trackers cost beside a training: the processor time of
// 60 lines of 19 metrics that come five a second, as of a training of 10 steps a line and
// 20 ms a step. The servers are in the same process, so that theirs counts too.
//
//	go test ./netdiffus/tracker -run none -bench Follow -benchtime 1x
func BenchmarkFollow(b *testing.B) {
	up, slow, gone := newStandIn(b), newStandIn(b), newStandIn(b)
	slow.set(func() { slow.slow = time.Hour })
	gone.Close()
	values := map[string]float64{}
	for i := range 19 {
		values[fmt.Sprintf("metric_%d", i)] = 1 / float64(i+1)
	}
	for _, c := range []struct {
		name    string
		targets []Target
	}{
		{"none", nil},
		{"tensorboard", []Target{{Name: "tensorboard"}}},
		{"mlflow", []Target{target("mlflow", up.URL)}},
		{"all", []Target{{Name: "tensorboard"}, target("mlflow", up.URL), target("trackio", up.URL)}},
		{"dead", []Target{target("mlflow", gone.URL), target("trackio", gone.URL)}},
		{"slow", []Target{target("mlflow", slow.URL), target("trackio", slow.URL)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var used, passed time.Duration
			for b.Loop() {
				run, err := track.Create(filepath.Join(b.TempDir(), "first"))
				check(b, err)
				check(b, run.AddSession(track.Session{Started: began}))
				check(b, run.WriteConfig(map[string]any{"preset": "quick"}))
				log, err := run.OpenLog(0)
				check(b, err)
				before, start := processorTime(b), time.Now()
				f := Follow(run.Dir, c.targets, nil)
				for step := 10; step <= 600; step += 10 {
					check(b, log.Add(step, values))
					time.Sleep(200 * time.Millisecond)
				}
				used += processorTime(b) - before
				passed += time.Since(start)
				f.Close(grace(b, time.Millisecond), Finished)
				check(b, log.Close())
				check(b, run.Close())
			}
			b.ReportMetric(1000*used.Seconds()/passed.Seconds(), "ms/s")
		})
	}
}
