// Package tracker sends what a run measures to other programs: TensorBoard, MLflow,
// Trackio, while it is trained or afterwards.
//
// The run directory stays the truth. [Follow] reads metrics.jsonl as the trainer
// writes it, so that the file is the queue: a tracker that is slow, or gone, costs the
// training nothing, and what it missed [Export] sends later. Both keep the place that
// a tracker has got to in RUN/trackers, and send nothing twice.
//
// Passwords and tokens are read from the environment when they are needed, and are
// written nowhere.
package tracker

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/registry"
)

// Tracker is one place that runs are sent to. Its methods are called by one goroutine.
// After an error of Open or Send the same call is made again later, so that both must
// bear repetition.
type Tracker interface {
	// At is where the tracker is: the address of a server, or a folder. It has no
	// password in it.
	At() string
	// Open finds the run called id there, which is what an earlier Open returned, or
	// begins one where id is "" or is gone. name is what the run is called there, and
	// fresh whether the tracker has nothing of it.
	Open(ctx context.Context, run Run, id string) (name string, fresh bool, err error)
	// Send adds to the run that Open returned.
	Send(ctx context.Context, b Batch) error
	// Finish says how the run ended, so far.
	Finish(ctx context.Context, s Status, at time.Time) error
	// Close frees what the tracker holds.
	Close() error
}

// Run is what a tracker is told of a run first.
type Run struct {
	Name    string // the run directory's
	Dir     string // the run directory
	Started time.Time
	Params  map[string]string // settings by their place in config.json: "training.lr"
	Tags    map[string]string // where it came from
}

// Status is how a run ended.
type Status string

const (
	Running  Status = "running"  // or ended without a word
	Finished Status = "finished" //
	Failed   Status = "failed"   // with an error
	Stopped  Status = "stopped"  // by the user
)

// Batch is a part of what a run has to tell.
type Batch struct {
	Points     []Point
	Images     []Image
	Histograms []Histogram
	Files      []File
}

// Point is what was measured at one step.
type Point struct {
	Step   int
	Time   time.Time // the same each time the run is read
	Values map[string]float64
}

// Image is a picture of a run.
type Image struct {
	Name          string // "samples/drawn"
	Step          int
	Time          time.Time
	PNG           []byte
	Width, Height int // pixels
}

// Histogram is a distribution of a run.
type Histogram struct {
	Name   string // "samples/drawn/video"
	Step   int
	Time   time.Time
	Values []float64
}

// File is a file of a run.
type File struct {
	Name string // in the run directory, with slashes
	Path string // on this machine
}

// Kind makes the trackers of one kind.
type Kind interface {
	Name() string // in flags and files: "mlflow"
	// New returns the tracker at a place; "" means where the environment says, or else
	// the kind's usual place. It connects to nothing.
	New(at string) (Tracker, error)
}

var kinds = registry.New[Kind]("tracker", "tracker", "Register", tensorboardKind{}, mlflowKind{}, trackioKind{})

// Register adds a kind of tracker under its name.
func Register(k Kind) error { return kinds.Register(k) }

// Names lists the trackers there are.
func Names() []string { return kinds.Names() }

// Target is a tracker to send to: its name, and its place where that is not the usual
// one.
type Target struct{ Name, At string }

func (t Target) String() string {
	if t.At == "" {
		return t.Name
	}
	return t.Name + "=" + t.At
}

// Variable is the environment variable that names the trackers of a training where
// nothing else does, as [Parse] reads them.
const Variable = "NETDIFFUS_TRACK"

// Parse reads a list of targets: "mlflow", "tensorboard,trackio",
// "mlflow=http://127.0.0.1:5000,tensorboard=logs". The empty list has none.
func Parse(list string) ([]Target, error) {
	var targets []Target
	seen := map[string]bool{}
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, at, _ := strings.Cut(word, "=")
		t := Target{name, at}
		made, err := t.tracker()
		if err != nil {
			return nil, err
		}
		made.Close()
		if seen[name] {
			return nil, fmt.Errorf("tracker: %s is named twice", name)
		}
		seen[name] = true
		targets = append(targets, t)
	}
	return targets, nil
}

// FromEnvironment returns the targets that the environment names.
func FromEnvironment() ([]Target, error) {
	targets, err := Parse(os.Getenv(Variable))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	return targets, nil
}

func (t Target) tracker() (Tracker, error) {
	k, err := kinds.Get(t.Name)
	if err != nil {
		return nil, err
	}
	return k.New(t.At)
}
