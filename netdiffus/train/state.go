package train

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// place is what a checkpoint keeps of a run besides tensors. The random streams
// need no state: they follow from seed and step.
type place struct {
	Seed      uint64          `json:"seed"`
	Timesteps json.RawMessage `json:"timesteps"`
	// MomentsFrom is the step at which AdamW's moments were last zero, which its
	// bias correction counts from; 0 but in a run that began with weights alone.
	MomentsFrom int `json:"moments_from,omitempty"`
	// Watch is the state of early stopping.
	Watch watch `json:"watch,omitzero"`
}

// StartAt returns the checkpoint.State.Train of a run of cfg that begins with weights
// from elsewhere, after so many steps. moments reports whether AdamW's moments come
// along; they are zero otherwise.
func StartAt(cfg netdiffus.Config, step int, moments bool) (json.RawMessage, error) {
	s, err := cfg.Diffusion.NewSchedule("")
	if err != nil {
		return nil, err
	}
	times, err := json.Marshal(cfg.Training.Sampler.Value(s.Len()))
	if err != nil {
		return nil, err
	}
	p := place{Seed: cfg.Training.Seed, Timesteps: times}
	if !moments {
		p.MomentsFrom = step
	}
	return json.Marshal(p)
}

// open starts the run at step 0, or where the checkpoint to continue from was
// saved.
func open(ctx context.Context, b compute.Backend, cfg netdiffus.Config, from data, opt Options) (r *trainer, err error) {
	// Building variables and graphs reports mistakes by panics.
	if caught := exceptions.TryCatch[error](func() { r, err = newTrainer(ctx, b, cfg, from, opt) }); caught != nil {
		err = fmt.Errorf("train: %w", caught)
	}
	if err != nil {
		return nil, err
	}
	if err := r.enter(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// enter opens and locks the run directory, if there is to be one, and restores the
// checkpoint to continue from, if there is one.
func (r *trainer) enter() error {
	if r.opt.Dir != "" {
		var err error
		if r.run, err = track.Create(r.opt.Dir); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		if err := r.agree(); err != nil {
			return err
		}
	}
	c, err := r.newest()
	if err != nil {
		return err
	}
	if c != nil {
		if err := r.restore(c); err != nil {
			return err
		}
		r.opt.Status(fmt.Sprintf("going on from %s, after step %d", c.Path, c.Step))
	}
	if r.run == nil {
		return nil
	}
	session := track.NewSession()
	if r.opt.Session != nil {
		session = *r.opt.Session
	}
	session.FromStep, session.Seed = r.step, r.feed.seed
	if c != nil && r.opt.Resume != "" {
		if session.FromRun, err = r.origin(c); err != nil {
			return err
		}
	}
	if r.opt.Steps < math.MaxInt {
		session.Steps = r.opt.Steps
	}
	if err := r.run.AddSession(session); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	log, err := r.run.OpenLog(r.step)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	r.metrics = &metrics{log: log, every: r.opt.LogEvery, sums: map[string]sum{}, status: r.opt.Status}
	if r.opt.Replay {
		r.past, err = readPast(r.opt.Dir)
	}
	return err
}

// origin describes the run that c is of, where it is another than this one: which it is,
// and in which settings the two differ.
func (r *trainer) origin(c *checkpoint.Checkpoint) (*track.FromRun, error) {
	dir := track.RunOf(c.Path)
	if a, err := os.Stat(dir); err == nil {
		if b, err := os.Stat(r.opt.Dir); err == nil && os.SameFile(a, b) {
			return nil, nil
		}
	}
	from := &track.FromRun{Step: c.Step, SHA256: c.Sum()}
	var before netdiffus.Config
	switch err := track.ReadConfig(dir, &before); {
	case errors.Is(err, track.ErrNotRun): // a checkpoint by itself
		return from, nil
	case err != nil:
		return nil, fmt.Errorf("train: %w", err)
	}
	var err error
	if from.ID, err = track.RunID(dir); err == nil {
		from.Differ, err = netdiffus.Diff(before, r.config)
	}
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return from, nil
}

// agree compares the configuration with the run directory's, or writes it
// where there is none yet.
func (r *trainer) agree() error {
	var before netdiffus.Config
	err := track.ReadConfig(r.opt.Dir, &before)
	if errors.Is(err, track.ErrNotRun) {
		// config.json comes last: it makes the folder a run, which is then complete.
		if err := r.writeLabelMap(); err != nil {
			return err
		}
		if err := r.run.WriteConfig(r.config); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	lines, err := netdiffus.Diff(before, r.config)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if len(lines) > 0 {
		return fmt.Errorf("train: %s holds a run with other settings; continue with those or choose another directory:\n  %s",
			r.opt.Dir, strings.Join(lines, "\n  "))
	}
	return nil
}

// writeLabelMap writes label_map.csv, which the reference's tools look for.
func (r *trainer) writeLabelMap() error {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	rows := [][]string{{"label", "index"}}
	for i, class := range r.config.Classes {
		rows = append(rows, []string{class, strconv.Itoa(i)})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(r.opt.Dir, "label_map.csv"), text.Bytes()); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// newest opens the checkpoint to continue from; nil where there is none.
func (r *trainer) newest() (*checkpoint.Checkpoint, error) {
	if r.opt.Resume != "" {
		c, err := checkpoint.Open(r.opt.Resume)
		if err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		return c, nil
	}
	if r.run == nil {
		return nil, nil
	}
	c, damaged, err := checkpoint.OpenLatest(track.Checkpoints(r.opt.Dir))
	for _, d := range damaged {
		r.opt.Status(fmt.Sprintf("%s is damaged and skipped: %v", d.Path, d.Err))
	}
	if errors.Is(err, checkpoint.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return c, nil
}

// end notes in the run directory how the session ended: with cause, or as the caller
// left it.
func (r *trainer) end(cause error, watched bool) error {
	if r.run == nil {
		return nil
	}
	e := track.End{At: time.Now(), Step: r.step, Outcome: track.Finished}
	switch {
	case errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded):
		e.Outcome = track.Stopped
	case cause != nil:
		e.Outcome, e.Error = track.Failed, cause.Error()
	case !watched && r.step < r.opt.Steps && len(r.prog.params) > 0:
		e.Outcome = track.Stopped
	}
	if err := r.run.EndSession(e); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// close releases the run directory.
func (r *trainer) close() error {
	var errs []error
	if r.metrics != nil {
		errs = append(errs, r.metrics.log.Close())
	}
	if r.run != nil {
		errs = append(errs, r.run.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// unwritten is the error of a checkpoint that could not be written, or of older ones that
// could not be deleted.
type unwritten struct{ error }

func (e *unwritten) Unwrap() error { return e.error }

// save writes a checkpoint of the current step, if there is none yet, and
// returns its folder; "" without a run directory. Where the disk does not let it, the
// error is an *unwritten.
func (r *trainer) save() (string, error) {
	if r.opt.Dir == "" || r.saved == r.step {
		return "", nil
	}
	r.metrics.flush(r.step)
	state, err := r.state()
	if err != nil {
		return "", fmt.Errorf("train: %w", err)
	}
	if name := notFinite(state.Model); name != "" {
		err := fmt.Errorf("train: step %d: %w (in the weights %q); a lower learning rate may help", r.step, ErrDiverged, name)
		return "", errors.Join(err, r.retract())
	}
	folder, err := checkpoint.Save(track.Checkpoints(r.opt.Dir), state)
	if err != nil {
		return "", &unwritten{fmt.Errorf("train: %w", err)}
	}
	r.saved, r.unproven = r.step, true
	if r.step == r.opt.Steps { // no step follows that could tell more
		if err := r.prune(); err != nil {
			return folder, &unwritten{err}
		}
	}
	return folder, nil
}

// prune removes the checkpoints that are no longer kept, after one was saved and turned
// out to be good: a step with its weights had a finite loss.
func (r *trainer) prune() error {
	if !r.unproven {
		return nil
	}
	r.unproven = false
	if err := checkpoint.Prune(track.Checkpoints(r.opt.Dir), r.opt.Keep, r.watch.keep()...); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// retract removes the checkpoint that was saved last, where no step with its weights had
// a finite loss.
func (r *trainer) retract() error {
	if !r.unproven {
		return nil
	}
	r.unproven = false
	if err := checkpoint.Remove(track.Checkpoints(r.opt.Dir), r.saved); err != nil {
		return fmt.Errorf("train: the checkpoint of step %d, whose weights are spoiled, stays: %w", r.saved, err)
	}
	r.opt.Status(fmt.Sprintf("the checkpoint of step %d is removed: the loss with its weights is not a finite number", r.saved))
	return nil
}

// notFinite names a tensor with values that are no finite numbers, "" where all are.
func notFinite(t checkpoint.Tensors) string {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if t[name].DType != "F32" {
			continue
		}
		for b := t[name].Data; len(b) >= 4; b = b[4:] {
			if binary.LittleEndian.Uint32(b)&0x7f800000 == 0x7f800000 { // its exponent: infinite, or not a number
				return name
			}
		}
	}
	return ""
}

// state copies the run to the host.
func (r *trainer) state() (checkpoint.State, error) {
	s := checkpoint.State{Step: r.step, EMA: map[string]checkpoint.Tensors{}}
	times, err := json.Marshal(r.times)
	if err != nil {
		return s, err
	}
	if s.Train, err = json.Marshal(place{r.feed.seed, times, r.momentsFrom, r.watch}); err != nil {
		return s, err
	}
	if s.Model, err = checkpoint.FromStore(r.prog.store, weightScope); err != nil {
		return s, err
	}
	for _, rate := range r.prog.rates {
		path := ema.Path(rate)
		if s.EMA[filepath.Base(path)], err = checkpoint.FromStore(r.prog.store, path); err != nil {
			return s, err
		}
	}
	s.Optim, err = checkpoint.FromStore(r.prog.store, momentScope)
	return s, err
}

// restore sets the run to what c holds.
func (r *trainer) restore(c *checkpoint.Checkpoint) error {
	var p place
	err := json.Unmarshal(c.Train, &p)
	if err == nil {
		err = json.Unmarshal(p.Timesteps, r.times)
	}
	if err != nil {
		return fmt.Errorf("train: %s: %w", c.Path, err)
	}
	if p.Seed != r.feed.seed {
		return fmt.Errorf("train: %s belongs to a run with seed %d, this one has %d", c.Path, p.Seed, r.feed.seed)
	}
	load := func(under string, read func() (checkpoint.Tensors, error)) error {
		t, err := read()
		if err == nil {
			err = checkpoint.ToStore(r.prog.store, under, t)
		}
		if err != nil {
			return fmt.Errorf("train: %s: %w", c.Path, err)
		}
		return nil
	}
	if err := load(weightScope, c.Model); err != nil {
		return err
	}
	if err := load(momentScope, c.Optim); err != nil {
		return err
	}
	for _, rate := range r.prog.rates {
		path := ema.Path(rate)
		if err := load(path, func() (checkpoint.Tensors, error) { return c.EMA(filepath.Base(path)) }); err != nil {
			return err
		}
	}
	r.step, r.saved, r.momentsFrom, r.watch = c.Step, c.Step, p.MomentsFrom, p.Watch
	return nil
}
