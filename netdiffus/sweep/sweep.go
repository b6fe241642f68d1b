package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// Options are what does not change what is tried.
type Options struct {
	Dir      string // where the sweep is kept; made where it is missing
	Parallel int    // jobs at once; 0 means 1
	// Try does a job and returns how good it is. Its error fails the trial, not the sweep;
	// one that wraps ErrAgain lets the job be done again, twice at most, and one that wraps
	// ErrStop ends the sweep.
	Try func(ctx context.Context, j Job) (float64, error)
}

// ErrAgain is wrapped by the error of a job that may succeed when it is done again, such
// as one whose process was killed.
var ErrAgain = errors.New("the job can be done again")

// ErrStop is wrapped by the error of a job that says nothing of its setting, such as that
// of a full disk: the sweep ends with it, nothing is recorded, and the next Run does the
// job again.
var ErrStop = errors.New("the sweep cannot go on")

// ErrOther is the error of a directory that holds another sweep.
var ErrOther = errors.New("the directory holds another sweep")

// Result is a job that was done.
type Result struct {
	Trial   int     `json:"trial"`
	Rung    int     `json:"rung"`
	Steps   int     `json:"steps,omitempty"`
	Point   Point   `json:"point"`
	Value   float64 `json:"value"` // 0 where it failed
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
	Before  bool    `json:"-"` // it was done before this Run
}

// Names of the files in a sweep's directory.
const (
	specFile    = "sweep.json"
	resultsFile = "results.jsonl"
	lockFile    = ".lock"
)

// Run tries what s says and yields each result, those of an earlier Run in o.Dir first. It
// stops when all is done or ctx ends; the same call goes on from there. The error comes
// last.
func Run(ctx context.Context, s Spec, o Options) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		r, err := open(s, o)
		if err != nil {
			yield(Result{}, err)
			return
		}
		defer r.close()
		for _, result := range r.past {
			if !yield(result, nil) {
				return
			}
		}
		if err := r.run(ctx, func(result Result) bool { return yield(result, nil) }); err != nil {
			yield(Result{}, err)
		}
	}
}

// runner is a sweep that goes on.
type runner struct {
	Options
	plan    *planner
	past    []Result
	results *os.File
	lock    *flock.Flock
}

// open locks the directory and reads what was done before.
func open(s Spec, o Options) (opened *runner, err error) {
	if o.Parallel < 1 {
		o.Parallel = 1
	}
	r := &runner{Options: o}
	if r.plan, err = newPlanner(s); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	r.lock = flock.New(filepath.Join(o.Dir, lockFile))
	ours, err := r.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	if !ours {
		return nil, fmt.Errorf("sweep: another process runs the sweep in %s", o.Dir)
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := agree(o.Dir, s); err != nil {
		return nil, err
	}
	if r.past, err = ReadResults(o.Dir); err != nil {
		return nil, err
	}
	// Lines that a crash tore are removed.
	var text bytes.Buffer
	for i := range r.past {
		result := &r.past[i]
		line, err := json.Marshal(result)
		if err != nil {
			return nil, fmt.Errorf("sweep: %w", err)
		}
		text.Write(append(line, '\n'))
		result.Before = true
		if result.Trial >= len(r.plan.points) || result.Rung >= len(r.plan.rungs) {
			return nil, fmt.Errorf("sweep: %s has a result of trial %d that this sweep has not: %w", filepath.Join(o.Dir, resultsFile), result.Trial, ErrOther)
		}
		r.plan.done(r.plan.job(result.Trial, result.Rung), result.value())
	}
	path := filepath.Join(o.Dir, resultsFile)
	if err := atomicfile.WriteFile(path, text.Bytes()); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	if r.results, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	return r, nil
}

func (r *runner) close() {
	if r.results != nil {
		r.results.Close()
	}
	r.lock.Unlock()
}

// value is what was measured, NaN of a job that failed.
func (r Result) value() float64 {
	if r.Error != "" {
		return math.NaN()
	}
	return r.Value
}

// agree compares the sweep with the one in the directory, or keeps it there.
func agree(dir string, s Spec) error {
	want, err := plainjson.Marshal(s)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	path := filepath.Join(dir, specFile)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := atomicfile.WriteFile(path, want); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("sweep: %w", err)
	case !bytes.Equal(text, want):
		return fmt.Errorf("sweep: %s is of other settings than these: %w; choose another directory, or go on with those", path, ErrOther)
	}
	return nil
}

// ReadResults returns the results in a sweep's directory, in the order in which they came;
// lines that are none, as a crash leaves, are left out.
func ReadResults(dir string) ([]Result, error) {
	text, err := os.ReadFile(filepath.Join(dir, resultsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	if err := jsonlimit.Check(text, jsonlimit.AnyCost); err != nil {
		return nil, fmt.Errorf("sweep: %s: %w", filepath.Join(dir, resultsFile), err)
	}
	var results []Result
	for line := range bytes.Lines(text) {
		var r Result
		if bytes.HasSuffix(line, []byte("\n")) && json.Unmarshal(line, &r) == nil && r.Point != nil && r.Trial >= 0 && r.Rung >= 0 {
			results = append(results, r)
		}
	}
	return results, nil
}

// attempts is how often a job is done at most.
const attempts = 3

// run does the jobs.
func (r *runner) run(ctx context.Context, yield func(Result) bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type finished struct {
		job    Job
		result Result
		err    error // of the sweep
	}
	ends := make(chan finished)
	running := 0
	var failed error
	watched := true
	for {
		for failed == nil && watched && running < r.Parallel {
			j, ok := r.plan.next()
			if !ok {
				break
			}
			r.plan.begin(j)
			running++
			go func() {
				result, err := r.try(ctx, j)
				ends <- finished{j, result, err}
			}()
		}
		if running == 0 {
			return failed
		}
		end := <-ends
		running--
		if end.err != nil {
			if failed == nil {
				failed = end.err
			}
			stop()
			continue
		}
		if failed != nil {
			continue // its result comes too late, and the job is done again
		}
		r.plan.done(end.job, end.result.value())
		if err := r.keep(end.result); err != nil {
			failed = err
			stop()
			continue
		}
		if watched = yield(end.result); !watched {
			stop()
			failed = nil
			for ; running > 0; running-- {
				<-ends
			}
			return nil
		}
	}
}

// try does a job, and again where that helps. The error is the context's, or one that
// ends the sweep.
func (r *runner) try(ctx context.Context, j Job) (Result, error) {
	start := time.Now()
	var value float64
	var err error
	for range attempts {
		if value, err = r.Try(ctx, j); err == nil || !errors.Is(err, ErrAgain) {
			break
		}
		if ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if errors.Is(err, ErrStop) {
		return Result{}, fmt.Errorf("sweep: trial %d: %w", j.Trial, err)
	}
	result := Result{Trial: j.Trial, Rung: j.Rung, Steps: j.Steps, Point: j.Point, Value: value, Seconds: time.Since(start).Seconds()}
	if err == nil && (math.IsNaN(value) || math.IsInf(value, 0)) {
		err = fmt.Errorf("the measure is %v", value)
	}
	if err != nil {
		result.Value, result.Error = 0, err.Error()
	}
	return result, nil
}

// keep appends a result to the file, in one write.
func (r *runner) keep(result Result) error {
	line, err := json.Marshal(result)
	if err == nil {
		_, err = r.results.Write(append(line, '\n'))
	}
	if err == nil {
		err = r.results.Sync()
	}
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
