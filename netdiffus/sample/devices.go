package sample

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/ml/model"
	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
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
	n := min(max(p.Devices, 1), max(len(p.parts()), 1))
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

// denoiseAll draws all parts, by plans at the same time, and shows the images after each
// step, one at a time.
func denoiseAll(ctx context.Context, plans []*plan, show func(part []int, s Step)) error {
	var mu sync.Mutex
	parts := make(chan []int)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(parts)
		for _, part := range plans[0].parts() {
			select {
			case parts <- part:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for _, p := range plans {
		group.Go(func() error {
			for part := range parts {
				err := p.denoise(ctx, part, false, func(s Step) bool {
					mu.Lock()
					defer mu.Unlock()
					show(part, s)
					return true
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
