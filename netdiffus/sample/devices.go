package sample

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/ml/model"
	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// spread returns generators of the same weights, one for each of n devices; g is the first.
func (g *Generator) spread(n int) ([]*Generator, error) {
	all := []*Generator{g}
	if n == 1 {
		return all, nil
	}
	devices, err := backend.Each(g.backend, n)
	if err != nil {
		return nil, err
	}
	for i, device := range devices[1:] {
		if len(g.others) == i {
			other, err := New(device, g.Config, model.NewStore(), g.scope)
			if err != nil {
				return nil, err
			}
			g.others = append(g.others, other)
		}
		if err := g.copyWeights(g.others[i]); err != nil {
			return nil, err
		}
	}
	return append(all, g.others[:n-1]...), nil
}

// copyWeights gives other the weights that g has now.
func (g *Generator) copyWeights(other *Generator) error {
	for v := range g.store.IterVariables() {
		if !strings.HasPrefix(v.Path(), g.scope+"/") {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return err
		}
		if value, err = value.LocalClone(); err != nil {
			return err
		}
		if own := other.store.GetVariable(v.Path()); own != nil {
			err = own.SetValue(value)
		} else {
			_, err = other.store.CreateVariable(v.Path(), value)
		}
		if err != nil {
			return fmt.Errorf("weights %s: %w", v.Path(), err)
		}
	}
	return nil
}

// plans returns p, and one like it for each further device that is to draw beside.
func (p *plan) plans() ([]*plan, error) {
	n := min(max(p.Devices, 1), max((p.len()+p.batch-1)/p.batch, 1))
	if p.host != nil {
		n = 1
	}
	all, err := p.g.spread(n)
	if err != nil {
		return nil, err
	}
	plans := []*plan{p}
	for _, other := range all[1:] {
		r := p.Request
		r.Status, r.Devices = nil, 0 // p tells, and spreads
		q, err := other.plan(r)
		if err != nil {
			return nil, err
		}
		plans = append(plans, q)
	}
	return plans, nil
}

// queued is one of parts, which are done one after the other.
type queued struct {
	part   []int
	before <-chan struct{} // closed when the part before it is done
	done   chan struct{}
}

// denoiseAll draws all parts, by plans at the same time. After each step of a part it calls
// step with the number of its samples, and with its finished images done, part after part, so
// that no more parts wait than there are plans. Both are called one at a time.
func denoiseAll(ctx context.Context, plans []*plan, step func(samples int), done func(part []int, images imaging.Images) error) error {
	var mu sync.Mutex
	parts := make(chan queued)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(parts)
		before := make(chan struct{})
		close(before)
		for part := range plans[0].parts() {
			next := queued{part, before, make(chan struct{})}
			select {
			case parts <- next:
			case <-ctx.Done():
				return ctx.Err()
			}
			before = next.done
		}
		return nil
	})
	for _, p := range plans {
		group.Go(func() error {
			for next := range parts {
				samples := samplesOf(next.part)
				var images imaging.Images
				err := p.denoise(ctx, next.part, false, func(s Step) bool {
					if s.T < p.steps {
						mu.Lock()
						defer mu.Unlock()
						step(len(samples))
					}
					images = s.Images
					return true
				})
				if err != nil {
					return err
				}
				select {
				case <-next.before:
				case <-ctx.Done():
					return ctx.Err()
				}
				if err := done(samples, images); err != nil {
					return err
				}
				close(next.done)
			}
			return nil
		})
	}
	return group.Wait()
}
