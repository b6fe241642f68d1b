package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/tracker"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// grace is how long the end of a training waits for trackers to take the last lines.
const grace = 10 * time.Second

// trackFlags say which trackers a training is sent to.
type trackFlags struct{ list string }

func (f *trackFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.list, "track", "", "trackers to send the run to while it is trained, a `list` of "+strings.Join(tracker.Names(), ", ")+
		", each also with its place, as in mlflow=http://127.0.0.1:5000; none for none; empty means $"+tracker.Variable)
}

// targets are the trackers asked for.
func (f *trackFlags) targets() ([]tracker.Target, error) {
	switch f.list {
	case "none":
		return nil, nil
	case "":
		return tracker.FromEnvironment()
	}
	return tracker.Parse(f.list)
}

// tracked sends the run in dir to the targets while its training goes on. It begins with
// the first report: until then the directory may be another trainer's.
func tracked(reports iter.Seq2[train.StepMetrics, error], dir string, targets []tracker.Target, note func(string)) iter.Seq2[train.StepMetrics, error] {
	if len(targets) == 0 {
		return reports
	}
	return func(yield func(train.StepMetrics, error) bool) {
		var follower *tracker.Follower
		status := tracker.Finished
		for r, err := range reports {
			switch {
			case errors.Is(err, context.Canceled):
				status = tracker.Stopped
			case err != nil:
				status = tracker.Failed
			case follower == nil:
				follower = tracker.Follow(dir, targets, note)
			}
			if !yield(r, err) {
				break
			}
		}
		if follower != nil {
			endTracking(follower, status, dir, targets, note)
		}
	}
}

// endTracking gives the trackers a moment to take the last lines, and says what they
// have not taken.
func endTracking(f *tracker.Follower, status tracker.Status, dir string, targets []tracker.Target, note func(string)) {
	moment := grace
	if status == tracker.Stopped {
		moment /= 5 // the user waits
	}
	ctx, cancel := context.WithTimeout(context.Background(), moment)
	defer cancel()
	for i, sent := range f.Close(ctx, status) {
		for _, why := range sent.Skipped {
			note(fmt.Sprintf("%s was not given %s", targets[i], why))
		}
		if sent.Left > 0 {
			note(fmt.Sprintf("%s has not got %d lines of metrics; send them with:\n  netdiffus runs export --to %s %s",
				targets[i], sent.Left, command.Quote(targets[i].String()), command.Quote(dir)))
		}
	}
}
