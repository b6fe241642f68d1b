package report

import (
	"context"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// networks is how many networks the distances of their features are the mean of. One is
// not enough: another network ranks sources otherwise.
const networks = 4

// ofNetworks is a distance of the features that networks have of the test records and of
// those drawn, all classes together.
func ofNetworks(distance func(test, drawn [][]float64) float64) computation {
	return computation{network: distance, needs: needNetworks}
}

// trainNetworks trains the networks on the real training records and keeps what they make
// of the test records.
func (e *evaluation) trainNetworks(ctx context.Context) error {
	if e.Networks == nil {
		return nil
	}
	for seed := range uint64(networks) {
		features, err := e.Networks(ctx, e.table(e.onlyJudged(e.train), false), seed)
		if err != nil {
			return fmt.Errorf("report: a network for features: %w", err)
		}
		test, err := features(ctx, e.table(e.onlyJudged(e.test), false).X)
		if err != nil {
			return fmt.Errorf("report: features of the test %s: %w", e.many, err)
		}
		e.embeddings = append(e.embeddings, embedding{features, test})
	}
	return nil
}

// embedding is a trained network and its features of the test records.
type embedding struct {
	features classify.Features
	test     [][]float64
}

// embed adds the figures of the networks' features, the mean of the networks.
func (e *evaluation) embed(ctx context.Context, figures spreads, drawn sample) error {
	table := e.table(e.onlyJudged(drawn), false)
	sums := map[string]float64{}
	for _, network := range e.embeddings {
		features, err := network.features(ctx, table.X)
		if err != nil {
			return err
		}
		for _, f := range e.figures {
			if f.network != nil {
				sums[f.name] += f.network(network.test, features) / float64(len(e.embeddings))
			}
		}
	}
	for name, v := range sums {
		figures.add(name, v)
	}
	return nil
}
