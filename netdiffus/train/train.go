// Package train fits a model to a data set: one compiled program a step, and
// checkpoints from which a run continues as if it had never stopped.
package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Options are what does not change the model that comes out.
type Options struct {
	// Dir is the run directory; it is made where it does not exist. Where it
	// holds checkpoints the run continues from the newest one that is intact.
	// Empty keeps nothing on disk.
	Dir string
	// Steps is the number of steps in all, those of earlier runs included; 0
	// means as many as the configuration plans (Training.Steps), or else until
	// the run is stopped.
	Steps int
	// Resume is a checkpoint's folder to continue from instead of Dir's newest.
	Resume string
	// SaveEvery is the number of steps between two checkpoints; 0 means 1000.
	// One more is saved at the end and when the run is stopped. One that cannot be
	// written is an error only there: before, Status is told and training goes on.
	SaveEvery int
	// Keep is how many checkpoints stay, the newest ones; 0 means 3.
	Keep int
	// LogEvery is the number of steps that a line of metrics.jsonl is the mean
	// of; 0 means 10.
	LogEvery int
	// Devices is how many devices of the backend, the first ones, share each batch; 0 means
	// one. A batch, or microbatch, must divide evenly among them. A run may go on with
	// another number of them: only the rounding of sums differs.
	Devices int
	// Replay yields the steps of earlier runs first, so that the caller sees the
	// whole run: a StepMetrics for each line of metrics.jsonl, the mean of LogEvery
	// steps. Leaving the loop among them trains nothing.
	Replay bool
	// Session is this run's entry in the run directory's manifest, but for the step
	// and the seed, which Run fills in; nil means track.NewSession.
	Session *track.Session
	// Status, if not nil, is called with a few words about what the run does between
	// steps: "compiling the training step".
	Status func(message string)
}

// StepMetrics are the measurements of one training step.
type StepMetrics struct {
	Step     int           // steps done, from 1
	Loss     float64       // what was minimised: mean over the batch, importance weights included
	MSE      float64       // its squared error; 0 where the loss has none
	VLB      float64       // its term of the variational bound, bits per dimension; 0 where it has none
	Cross    float64       // its cross-entropy of the atoms, nats a packet; 0 where it has none
	GradNorm float64       // L2 norm of the whole gradient
	LR       float64       // learning rate of the step
	StepTime time.Duration // from batch to losses, on this host
	Saved    string        // folder of the checkpoint saved after this step, or ""

	Validation *Validation // of the weights after this step; nil where none was made
	Best       bool        // Validation is the best of the run so far; its checkpoint is kept
	Stopped    bool        // training ends here, before its last step, for lack of progress (Training.Patience)
}

// ErrDiverged is the error of a run whose loss, or weights, are no longer finite numbers.
// The last checkpoint is of weights whose loss was finite.
var ErrDiverged = errors.New("the loss is not a finite number")

// Run trains the model that cfg describes on set until opt.Steps steps are
// done, and yields the metrics of each. What cfg leaves open is taken from set.
//
// It stops when ctx ends, after the current step: it saves a checkpoint and
// yields ctx's error. Leaving the loop early saves one too. An error comes last.
// A run that continues from a checkpoint computes what it would have computed
// without the stop, on the CPU to the bit.
func Run(ctx context.Context, b compute.Backend, cfg netdiffus.Config, set *dataset.Set, opt Options) iter.Seq2[StepMetrics, error] {
	return run(ctx, b, cfg, data{set: set}, opt)
}

// RunStored is Run of a set that stays on the disk: images are read ahead of their use, and
// shuffled in parts (Training.Stream), so that memory does not grow with the set. Of the
// flows, those of Training.Validation are held out by a hash of the seed, their class and
// their place in it; the codec's tables know their values all the same.
//
// It fails for kinds of model that have to see all flows at once.
func RunStored(ctx context.Context, b compute.Backend, cfg netdiffus.Config, stored *dataset.Stored, opt Options) iter.Seq2[StepMetrics, error] {
	return run(ctx, b, cfg, data{set: stored.Head(), stored: stored}, opt)
}

// data is what a run trains on.
type data struct {
	set    *dataset.Set    // without its images where they are stored
	stored *dataset.Stored // nil for a set in memory
}

func run(ctx context.Context, b compute.Backend, cfg netdiffus.Config, from data, opt Options) iter.Seq2[StepMetrics, error] {
	return func(yield func(StepMetrics, error) bool) {
		r, err := open(ctx, b, cfg, from, opt)
		if err != nil {
			yield(StepMetrics{}, err)
			return
		}
		for _, report := range r.past {
			if !yield(report, nil) {
				if err := errors.Join(r.end(nil, false), r.close()); err != nil {
					slog.Error("train: leaving", "err", err)
				}
				return
			}
		}
		watched := true
		err = r.loop(ctx, func(report StepMetrics) bool {
			watched = yield(report, nil)
			return watched
		})
		switch err = errors.Join(err, r.end(err, watched), r.close()); {
		case err == nil:
		case watched:
			yield(StepMetrics{Step: r.step}, err)
		default: // the caller has left the loop: there is nobody to return it to
			slog.Error("train: saving after the last step", "step", r.step, "err", err)
		}
	}
}

// trainer is a run in progress.
type trainer struct {
	config   netdiffus.Config // fitted to the data, as saved
	training netdiffus.Training
	opt      Options
	feed     *feed
	times    diffusion.Timesteps
	steps    int // of the diffusion process
	prog     *program
	step     int  // steps done
	saved    int  // steps done at the last checkpoint
	unproven bool // it was saved by this process, and no step has followed it

	momentsFrom int // see place

	validator *validator // nil where nothing is held out
	watch     watch

	backend  compute.Backend
	fit, all *dataset.Set // all is fit and what is held out; of a set that stays on the disk neither has images

	past    []StepMetrics // of earlier runs, where they are to be replayed
	run     *track.Run    // nil without a run directory, as metrics
	metrics *metrics
}

// newTrainer builds the run at step 0, with new weights.
func newTrainer(ctx context.Context, b compute.Backend, cfg netdiffus.Config, from data, opt Options) (*trainer, error) {
	if opt.Status == nil {
		opt.Status = func(string) {}
	}
	cfg, set, held, err := prepared(ctx, cfg, from, opt.Status)
	if err != nil {
		return nil, err
	}
	m, err := cfg.Model()
	if err != nil {
		return nil, err
	}
	s, err := cfg.Diffusion.NewSchedule("")
	if err != nil {
		return nil, err
	}
	tr := cfg.Training
	var on *devices
	if len(m.Params()) > 0 {
		if on, err = newDevices(b, opt.Devices); err == nil {
			err = on.check(tr.BatchSize, tr.Microbatch)
		}
		if err != nil {
			return nil, err
		}
	}
	var f *feed
	if from.stored == nil {
		f = newFeed(set, tr, cfg.NumClasses(), m.Traits().Grouped).extract(m, true)
	} else if f, held, err = newStreamFeed(from.stored, tr, cfg.NumClasses(), m, opt.Status); err != nil {
		return nil, err
	}
	r := &trainer{
		backend: b, fit: set, all: from.set,
		config: cfg, training: tr, opt: opt.withDefaults(tr.Steps), saved: -1,
		feed: f, times: tr.Sampler.Value(s.Len()), steps: s.Len(),
		prog: &program{
			store: model.NewStore(), loss: m.Bind(s, f.groups).Loss, opt: torchAdamW(tr.WeightDecay, tr.Beta2),
			rates: tr.EMA, warm: tr.EMAWarmup, clip: tr.Clip,
			split: tr.Microbatch > 0 && tr.Microbatch < tr.BatchSize, on: on,
		},
	}
	store := r.prog.store
	if err := nn.SetPrecision(b, store, cfg.Precision); err != nil {
		return nil, err
	}
	if err := nn.Create(store.Scope(weightScope), m.Params(), tr.Seed); err != nil {
		return nil, err
	}
	if err := r.prog.prepare(b); err != nil || held == nil {
		return r, err
	}
	scope := weightScope
	if len(tr.EMA) > 0 {
		scope = ema.Path(tr.EMA[0])
	}
	heldFeed := newHeldFeed(held.Thin(mostMeasured(m)), tr.Seed, cfg.NumClasses(), m.Traits().Grouped).extract(m, false)
	if r.validator, err = newValidator(ctx, b, store, scope, m.Bind(s, heldFeed.groups), heldFeed, s.Len()); err != nil {
		return nil, err
	}
	r.validator.every = cmp.Or(tr.ValidateEvery, tr.Steps/20, 500)
	if tr.LimitCopies {
		gen, err := sample.New(b, cfg, store, scope)
		if err != nil {
			return nil, err
		}
		if r.validator.copies, err = newCopies(gen, tr.Seed, from.set, set, held); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// prepared is cfg fitted to the data, and the data divided as it wants: set is trained on,
// held is measured, nil where nothing is held out or where the images are stored.
func prepared(ctx context.Context, cfg netdiffus.Config, from data, status func(string)) (_ netdiffus.Config, set, held *dataset.Set, err error) {
	if from.stored != nil {
		cfg, err = cfg.FitStored(from.stored)
		return cfg, from.set, nil, err
	}
	if set, held, err = holdOut(from.set, cfg.Training.Validation, cfg.Training.Seed, status); err != nil {
		return cfg, nil, nil, err
	}
	if cfg, err = cfg.Fit(set); err != nil {
		return cfg, nil, nil, err
	}
	if e, ok := cfg.Kind.(netdiffus.Estimator); ok {
		cfg.Kind, err = e.Estimate(ctx, cfg, set, status)
	}
	return cfg, set, held, err
}

func (o Options) withDefaults(planned int) Options {
	o.Steps = cmp.Or(o.Steps, planned, math.MaxInt)
	o.SaveEvery = cmp.Or(o.SaveEvery, 1000)
	o.Keep = cmp.Or(o.Keep, 3)
	o.LogEvery = cmp.Or(o.LogEvery, 10)
	return o
}

// loop trains until all steps are done, ctx ends or yield returns false. A model
// without weights has nothing to train: its checkpoint is saved at once.
func (r *trainer) loop(ctx context.Context, yield func(StepMetrics) bool) error {
	if len(r.prog.params) == 0 {
		saved, err := r.save()
		if err == nil {
			yield(StepMetrics{Saved: saved})
		}
		return err
	}
	if goesOn, err := r.measureStart(yield); err != nil || !goesOn {
		return err
	}
	drawing, stop := context.WithCancel(ctx)
	batches := r.feed.run(drawing, r.step, r.opt.Steps)
	defer func() {
		stop()
		r.feed.stop(batches)
	}()
	compiled := false
	if patience := r.training.Patience; patience > 0 && r.watch.Misses >= patience {
		return r.choose(ctx) // stopped before
	}
	for r.step < r.opt.Steps {
		b, ok := <-batches
		if !ok || ctx.Err() != nil {
			return r.interrupted(ctx.Err())
		}
		if b.err != nil {
			return r.interrupted(b.err)
		}
		parts, t, weight := r.parts(b)
		if !compiled {
			r.opt.Status("compiling the training step")
			if err := r.prog.compile(parts); err != nil {
				return fmt.Errorf("train: %w", err)
			}
			compiled = true
		}
		report, _, err := r.train(parts, t, weight)
		if err != nil {
			return err
		}
		before := r.watch
		if err := r.validate(&report); err != nil {
			return err
		}
		if report.Best || report.Stopped || r.step == r.opt.Steps || r.step%r.opt.SaveEvery == 0 {
			if err := r.keep(&report, before); err != nil {
				return err
			}
		}
		if !yield(report) {
			_, err := r.save()
			return err
		}
		if report.Stopped {
			break
		}
	}
	if err := r.prune(); err != nil {
		r.opt.Status(fmt.Sprintf("older checkpoints stay: %v", err))
	}
	r.sayBest()
	return r.choose(ctx)
}

// keep saves a checkpoint and sets report's fields. One that cannot be written, on a full
// disk for example, ends the training only where none is to follow: otherwise the caller
// is told. before is the watch before the step's measurement.
func (r *trainer) keep(report *StepMetrics, before watch) error {
	var err error
	report.Saved, err = r.save()
	failed, is := errors.AsType[*unwritten](err)
	if !is || report.Stopped || r.step == r.opt.Steps {
		return err
	}
	again := min(r.opt.Steps, (r.step/r.opt.SaveEvery+1)*r.opt.SaveEvery)
	if report.Saved != "" {
		r.opt.Status(fmt.Sprintf("step %d: older checkpoints stay: %v", r.step, failed.error))
		return nil
	}
	r.opt.Status(fmt.Sprintf("step %d: the checkpoint could not be written: %v; training goes on, and the next one is tried after step %d", r.step, failed.error, again))
	if report.Best { // of which nothing is kept: the best is the one before
		report.Best = false
		r.watch = watch{Best: before.Best}
	}
	return nil
}

// measureStart measures the weights before the first step, where the best of all are
// to be kept, and reports whether the run goes on.
func (r *trainer) measureStart(yield func(StepMetrics) bool) (goesOn bool, err error) {
	if !r.training.KeepBest || r.step != 0 || r.watch.Best != nil {
		return true, nil
	}
	var report StepMetrics
	if err := r.validate(&report); err != nil {
		return false, err
	}
	if report.Saved, err = r.save(); err != nil {
		return false, err
	}
	return yield(report), nil
}

// sayBest says which weights samples are drawn with.
func (r *trainer) sayBest() {
	switch best := r.watch.Best; {
	case !r.training.KeepBest || best == nil:
	case best.Step == 0:
		r.opt.Status(fmt.Sprintf("nothing learned is better on what was held out (%.4f) than the base: samples are the base's", best.figure()))
	default:
		r.opt.Status(fmt.Sprintf("samples are drawn with the weights after step %d, the best on what was held out (%.4f)", best.Step, best.figure()))
	}
}

// validate measures the flows held out, where it is time to, and sets report's fields.
func (r *trainer) validate(report *StepMetrics) error {
	v := r.validator
	if v == nil || r.step%v.every != 0 && r.step != r.opt.Steps {
		return nil
	}
	if r.watch.Misses == 0 && r.watch.Best == nil {
		r.opt.Status("compiling the validation")
	}
	measured, err := v.measure(r.step)
	if err != nil {
		return err
	}
	report.Validation, report.Best = &measured, r.watch.take(measured)
	patience := r.training.Patience
	report.Stopped = patience > 0 && r.watch.Misses >= patience && r.step < r.opt.Steps
	r.metrics.validation(measured)
	return nil
}

// interrupted saves a checkpoint and returns the error of a run that cause stopped.
func (r *trainer) interrupted(cause error) error {
	if _, err := r.save(); err != nil {
		return errors.Join(err, cause)
	}
	return fmt.Errorf("train: stopped after step %d: %w", r.step, cause)
}

// train does one step.
func (r *trainer) train(parts []inputs, t []int32, weight []float32) (StepMetrics, losses, error) {
	start := time.Now()
	l, norm, err := r.prog.run(parts)
	if err != nil {
		return StepMetrics{}, losses{}, fmt.Errorf("train: step %d: %w", r.step+1, err)
	}
	report := StepMetrics{
		Step: r.step + 1, LR: r.learningRate(), GradNorm: norm,
		Loss: mean(l.total, weight), MSE: mean(l.mse, weight), VLB: mean(l.vlb, weight), Cross: mean(l.cross, weight),
		StepTime: time.Since(start),
	}
	if math.IsNaN(report.Loss) || math.IsInf(report.Loss, 0) || math.IsNaN(norm) || math.IsInf(norm, 0) {
		err := fmt.Errorf("train: step %d: %w (loss %v, gradient %v); a lower learning rate may help", report.Step, ErrDiverged, report.Loss, norm)
		return StepMetrics{}, losses{}, errors.Join(err, r.retract())
	}
	if err := r.prune(); err != nil { // what is saved is good
		r.opt.Status(fmt.Sprintf("step %d: older checkpoints stay: %v", r.step, err))
	}
	r.times.Observe(t, float64s(l.total))
	r.step++
	r.metrics.step(report, l, t, weight, r.steps)
	return report, l, nil
}

// Shape of the learning rate's fall (Training.Decay).
const (
	decayFrom = 0.3  // of the planned steps; full until then
	decayTo   = 0.01 // of the full rate, at the end
)

// learningRate is that of the next step. With AnnealSteps it falls linearly
// to 0 there, one step late, because guided-diffusion sets it after the step and
// before counting it (guided_diffusion/train_util.py, run_step).
func (r *trainer) learningRate() float64 {
	tr := r.training
	lr := tr.LR
	if tr.AnnealSteps > 0 {
		done := float64(max(r.step-1, 0)) / float64(tr.AnnealSteps)
		lr *= max(1-done, 0)
	}
	if tr.Warmup > 0 {
		lr *= min(1, float64(r.step+1)/float64(tr.Warmup))
	}
	if tr.Decay {
		done := min(1, float64(r.step)/float64(tr.Steps))
		lr *= 1 - (1-decayTo)*max(0, done-decayFrom)/(1-decayFrom)
	}
	return lr
}

// parts draws what is left to draw for the batch and cuts it into microbatches.
func (r *trainer) parts(b batch) (parts []inputs, t []int32, weight []float32) {
	t, weight = make([]int32, r.feed.size), make([]float32, r.feed.size)
	r.times.Draw(noise.Stream(r.feed.seed, streamTimestep, uint64(b.step)), t, weight)
	return r.cut(b, t, weight), t, weight
}

// cut makes tensors of the batch, in microbatches.
func (r *trainer) cut(b batch, t []int32, weight []float32) (parts []inputs) {
	numbers, size := r.feed.numbers(), r.feed.size
	if r.prog.split {
		size = r.training.Microbatch
	}
	scalars := r.prog.opt.scalars(b.step+1-r.momentsFrom, r.learningRate())
	keys := noise.Stream(r.feed.seed, streamDropout, uint64(b.step))
	for from := 0; from < r.feed.size; from += size {
		to := min(from+size, r.feed.size)
		n := to - from
		in := inputs{
			x:       tensors.FromFlatDataAndDimensions(b.x[from*numbers:to*numbers], r.feed.shape(n)...),
			noise:   tensors.FromFlatDataAndDimensions(b.noise[from*numbers:to*numbers], r.feed.shape(n)...),
			t:       tensors.FromFlatDataAndDimensions(t[from:to], n),
			weight:  tensors.FromFlatDataAndDimensions(weight[from:to], n),
			key:     tensors.FromFlatDataAndDimensions([]uint32{keys.Uint32(), keys.Uint32()}, 2),
			scalars: scalars,
		}
		if b.y != nil {
			in.y = tensors.FromFlatDataAndDimensions(b.y[from:to], n)
		}
		parts = append(parts, in)
	}
	return parts
}

// mean is the weighted mean that the program minimises; with microbatches it is
// that of the whole batch.
func mean(values, weight []float32) float64 {
	sum := 0.0
	for i, v := range values {
		sum += float64(v) * float64(weight[i])
	}
	return sum / float64(len(values))
}

func float64s(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}
