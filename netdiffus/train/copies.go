package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
)

// copies counts how many of the flows that a model draws are exact copies of training
// flows of their class, and holds how many may be: as many as of the flows held out,
// which traffic repeats by itself.
type copies struct {
	gen     *sample.Generator
	known   [][][]float64 // training flows by class
	each    int           // flows to draw of each class
	seed    uint64
	allowed float64 // share of copies among the flows held out, a mean of classes
}

// Draws that copies are counted of: about drawsInAll, of a class leastDraws at least.
// The share's standard error is then at most 0.016.
const (
	drawsInAll = 1000
	leastDraws = 20
)

// newCopies counts copies of fit's flows in what gen draws. all is the set that fit and
// held were divided from: flows of it that are in neither have values that fit lacks,
// and so are no copies.
func newCopies(gen *sample.Generator, seed uint64, all, fit, held *dataset.Set) (*copies, error) {
	c := &copies{gen: gen, each: max(leastDraws, drawsInAll/len(fit.Classes)), seed: seed}
	var err error
	if c.known, _, err = packetRows(fit); err != nil {
		return nil, err
	}
	rows, _, err := packetRows(held)
	if err != nil {
		return nil, err
	}
	whole, fitted := all.Counts(), fit.Counts()
	classes := 0
	for k := range rows {
		if n := whole[k] - fitted[k]; n > 0 {
			classes++
			c.allowed += float64(metric.Number(metric.Copies(rows[k], c.known[k]))) / float64(n)
		}
	}
	c.allowed /= float64(max(1, classes))
	return c, nil
}

// count draws flows, always from the same noise, and returns the share of copies, a
// mean of classes. It cannot be stopped half-way, since the run would continue without this
// measurement.
func (c *copies) count() (float64, error) {
	set, err := c.gen.Draw(context.Background(), sample.Request{N: c.each, Seed: c.seed})
	if err != nil {
		return 0, fmt.Errorf("train: copies: %w", err)
	}
	rows, _, err := packetRows(set)
	if err != nil {
		return 0, err
	}
	share := 0.0
	for k, class := range set.Classes {
		of := slices.Index(c.gen.Config.Classes, class)
		share += metric.Share(metric.Copies(rows[k], c.known[of])) / float64(len(rows))
	}
	return share, nil
}
