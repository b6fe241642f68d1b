// Package classify has the classifiers that judge synthetic traffic by its use:
// train on synthetic flows, test on real ones.
package classify

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// forest is a random forest of classification trees (Breiman 2001), grown as
// scikit-learn's RandomForestClassifier grows it by default: bootstrap samples,
// Gini impurity, √features tried at a split, leaves down to one sample,
// predictions averaged over the trees' class shares. Its random numbers differ
// from scikit-learn's, so figures agree in distribution, not in digits.
type forest struct {
	classes int
	columns int
	trees   []tree
}

// forestOptions control how a forest grows.
type forestOptions struct {
	trees       int    // 0 means 200
	maxFeatures int    // features tried at a split; 0 means √features, rounded down
	seed        uint64 // of the bootstrap and the features tried
}

// tree is a binary tree in one slice; node 0 is the root.
type tree struct {
	nodes  []node
	shares []float32 // class shares of the leaves, classes numbers each
}

// node goes left where x[feature] <= threshold. A leaf has feature -1 and its
// shares at shares[left*classes:].
type node struct {
	feature     int32
	threshold   float64
	left, right int32
}

// growForest grows a forest on a table whose rows are all of one width. It fails on
// an empty or ragged table, on NaN, and when ctx ends.
func growForest(ctx context.Context, train Table, o forestOptions) (*forest, error) {
	data, err := rank(train)
	if err != nil {
		return nil, err
	}
	tries := o.maxFeatures
	if tries <= 0 {
		tries = max(1, int(math.Sqrt(float64(len(data.columns)))))
	}
	f := &forest{classes: train.Classes, columns: len(data.columns), trees: make([]tree, cmp.Or(o.trees, 200))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.trees {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			g := newGrower(data, min(tries, len(data.columns)), noise.Stream(o.seed, uint64(i)))
			f.trees[i] = g.grow()
			return nil
		})
	}
	return f, group.Wait()
}

// classShares returns the forest's class probabilities for one row: the mean of the
// trees' leaves. It panics on a row of another width.
func (f *forest) classShares(row []float64) []float64 {
	if len(row) != f.columns {
		panic(fmt.Sprintf("classify: a row of %d features for a forest over %d features", len(row), f.columns))
	}
	mean := make([]float64, f.classes)
	for _, t := range f.trees {
		for c, share := range t.leaf(row, f.classes) {
			mean[c] += float64(share)
		}
	}
	for c := range mean {
		mean[c] /= float64(len(f.trees))
	}
	return mean
}

func (t tree) leaf(row []float64, classes int) []float32 {
	n := t.nodes[0]
	for n.feature >= 0 {
		if row[n.feature] <= n.threshold {
			n = t.nodes[n.left]
		} else {
			n = t.nodes[n.right]
		}
	}
	return t.shares[int(n.left)*classes:][:classes]
}

// forestShares grows a forest and returns its class shares for every test row.
func forestShares(ctx context.Context, trees int, train Table, test [][]float64, seed uint64) ([][]float64, error) {
	f, err := growForest(ctx, train, forestOptions{trees: trees, seed: seed})
	if err != nil {
		return nil, err
	}
	shares := make([][]float64, len(test))
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(test); i += workers {
				shares[i] = f.classShares(test[i])
			}
			return ctx.Err()
		})
	}
	return shares, group.Wait()
}
