// Package classify holds the classifiers that judge synthetic traffic by its
// use: train on synthetic flows, test on real ones.
package classify

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Forest is a random forest of classification trees (Breiman 2001), grown as
// scikit-learn's RandomForestClassifier grows it by default: bootstrap samples,
// Gini impurity, √features tried at a split, leaves down to one sample,
// predictions averaged over the trees' class shares. Its random numbers differ
// from scikit-learn's, so figures agree in distribution, not in digits.
type Forest struct {
	Trees       int    // 0 means 200
	MaxFeatures int    // features tried at a split; 0 means √features, rounded down
	Seed        uint64 // of the bootstrap and the features tried

	classes int
	columns int
	trees   []tree
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

// Fit grows the forest on rows x, all of one width, of classes y in
// [0,classes). It forgets what it was fitted to before. It fails on an empty
// or ragged table, on NaN, and when ctx ends.
func (f *Forest) Fit(ctx context.Context, x [][]float64, y []int, classes int) error {
	data, err := newTable(x, y, classes)
	if err != nil {
		return err
	}
	tries := f.MaxFeatures
	if tries <= 0 {
		tries = max(1, int(math.Sqrt(float64(len(data.columns)))))
	}
	count := f.Trees
	if count == 0 {
		count = 200
	}
	f.classes, f.columns = classes, len(data.columns)
	f.trees = make([]tree, count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.trees {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			g := newGrower(data, min(tries, len(data.columns)), noise.Stream(f.Seed, uint64(i)))
			f.trees[i] = g.grow()
			return nil
		})
	}
	return group.Wait()
}

// Shares returns the forest's class probabilities for one row: the mean of the
// trees' leaves. It panics before Fit or on a row of another width.
func (f *Forest) Shares(row []float64) []float64 {
	if len(f.trees) == 0 || len(row) != f.columns {
		panic(fmt.Sprintf("classify: a row of %d features for a forest of %d trees over %d features", len(row), len(f.trees), f.columns))
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

// Predict returns the class of each row; the lowest number wins a tie.
func (f *Forest) Predict(x [][]float64) []int {
	y := make([]int, len(x))
	for i, row := range x {
		shares := f.Shares(row)
		y[i] = slices.Index(shares, slices.Max(shares))
	}
	return y
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
