package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Flows that each way to draw is measured by: about mostDrawn, of a class leastDraws at
// least; and those of a class that say which a way has to leave out.
const (
	mostDrawn = 2000
	thinDrawn = 300
)

// choose chooses how the run's samples are drawn, where its kind leaves that open and flows
// are held out: of the ways whose flows copy those trained on no more often than the flows
// held out do, the one with the best figures. A base that all others are no better than is kept.
func (r *trainer) choose(ctx context.Context) error {
	k, is := r.config.Kind.(netdiffus.Chooser)
	if !is || !r.training.Choose || r.training.Stream || r.run == nil {
		return nil
	}
	gen, err := sample.Open(r.backend, r.opt.Dir)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if before, err := sample.ReadChoice(r.opt.Dir); err == nil && before != nil && before.Step == gen.Step {
		return nil
	}
	r.opt.Status("choosing how to draw, by the flows held out")
	ways, err := k.Ways(ctx, r.config, r.fit)
	if err != nil {
		return fmt.Errorf("train: choosing how to draw: %w", err)
	}
	held, err := r.heldOut()
	if err != nil {
		return err
	}
	d := sample.Choice{Step: gen.Step, HeldOut: held.Own()}
	on := trial{k, gen, held, r.feed.seed}
	for _, way := range ways {
		measured, err := on.measure(ctx, way)
		if err != nil {
			return fmt.Errorf("train: choosing how to draw: %s: %w", way.Name, err)
		}
		d.Ways = append(d.Ways, measured)
		r.opt.Status(fmt.Sprintf("%s: %s", measured.Name, describe(measured.Figures)))
	}
	best := bestWay(d.Ways, d.HeldOut)
	d.Way = best.Way
	if err := d.Write(r.opt.Dir); err != nil {
		return err
	}
	r.opt.Status("samples are drawn by the " + best.Name)
	return nil
}

// trial measures ways to draw of a generator by flows held out.
type trial struct {
	kind netdiffus.Chooser
	gen  *sample.Generator
	held *joint.Held
	seed uint64
}

// measure thins a way by some of what it draws, and measures others.
func (t trial) measure(ctx context.Context, way netdiffus.Way) (sample.MeasuredWay, error) {
	drawn, err := t.draw(ctx, way, thinDrawn, t.seed+1)
	if err != nil {
		return sample.MeasuredWay{}, err
	}
	if way, err = t.kind.Thinned(t.gen.Config, way, drawn); err != nil {
		return sample.MeasuredWay{}, err
	}
	classes := t.gen.Config.Classes
	if drawn, err = t.draw(ctx, way, max(leastDraws, mostDrawn/len(classes)), t.seed); err != nil {
		return sample.MeasuredWay{}, err
	}
	rows, times, err := packetRows(drawn)
	if err != nil {
		return sample.MeasuredWay{}, err
	}
	figures, err := t.held.Measure(ctx, inOrder(rows, drawn.Classes, classes), inOrder(times, drawn.Classes, classes))
	return sample.MeasuredWay{Way: way, Figures: figures}, err
}

// draw draws n flows of each class in a way.
func (t trial) draw(ctx context.Context, way netdiffus.Way, n int, seed uint64) (*dataset.Set, error) {
	kind, err := t.kind.Drawing(way.Settings)
	if err != nil {
		return nil, err
	}
	gen, err := t.gen.As(kind)
	if err != nil {
		return nil, err
	}
	return gen.Draw(ctx, sample.Request{N: n, Seed: seed, Steps: "2"})
}

// bestWay is that with the highest score among those that copy no more than series held out
// do; where all do, that which copies least. Of equal ones the first is taken.
func bestWay(ways []sample.MeasuredWay, held joint.Figures) sample.MeasuredWay {
	allowed := slices.DeleteFunc(slices.Clone(ways), func(w sample.MeasuredWay) bool { return w.Repeats(held) })
	if len(allowed) == 0 {
		return slices.MinFunc(ways, func(a, b sample.MeasuredWay) int { return cmp.Compare(a.Copies, b.Copies) })
	}
	return slices.MaxFunc(allowed, func(a, b sample.MeasuredWay) int { return cmp.Compare(a.Score(), b.Score()) })
}

func describe(f joint.Figures) string {
	return fmt.Sprintf("accuracy %.3f, 4-gram distance %.3f, detection %.3f, copies %.2f", f.Accuracy, f.FourGram, f.Detection, f.Copies)
}

// heldOut returns what measures series drawn, in the order of the configuration's classes, by
// all flows held out: those too that hold values no other flow has, which the loss of the
// flows held out cannot be measured of.
func (r *trainer) heldOut() (*joint.Held, error) {
	_, rest, err := r.all.Split(1-r.training.Validation, r.feed.seed)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	fit, _, err := packetRows(r.fit)
	if err != nil {
		return nil, err
	}
	rows, times, err := packetRows(rest)
	if err != nil {
		return nil, err
	}
	h := &joint.Held{Length: r.fit.Images.W, Seed: r.feed.seed}
	h.Fit = inOrder(fit, r.fit.Classes, r.config.Classes)
	h.Rest = inOrder(rows, rest.Classes, r.config.Classes)
	h.Beside = inOrder(times, rest.Classes, r.config.Classes)
	return h, nil
}

// packetRows are the flows of set by class: their packets' signed lengths and, where the set has
// a channel of times, the logarithms of these, log(1+t) of t in microseconds; nil where it has none.
func packetRows(set *dataset.Set) (lengths, times [][][]float64, err error) {
	lengths = make([][][]float64, len(set.Classes))
	if slices.ContainsFunc(set.Encoding.Channels(), func(c dataset.Channel) bool { return c.Name() == traffic.InterArrival{}.Name() }) {
		times = make([][][]float64, len(set.Classes))
	}
	for f, err := range set.Flows() {
		if err != nil {
			return nil, nil, fmt.Errorf("train: %w", err)
		}
		label := set.Labels[f.Index]
		lengths[label] = append(lengths[label], traffic.SignedLength{}.Values(f.Packets))
		if times == nil {
			continue
		}
		of := traffic.InterArrival{}.Values(f.Packets)
		for i, t := range of {
			of[i] = math.Log1p(t)
		}
		times[label] = append(times[label], of)
	}
	return lengths, times, nil
}

// inOrder are the rows of classes in the order of wanted; nil where there are none.
func inOrder(rows [][][]float64, classes, wanted []string) [][][]float64 {
	if rows == nil {
		return nil
	}
	all := make([][][]float64, len(wanted))
	for i, class := range wanted {
		if k := slices.Index(classes, class); k >= 0 {
			all[i] = rows[k]
		}
	}
	return all
}
