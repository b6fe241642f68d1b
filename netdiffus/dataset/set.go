// Package dataset keeps labelled images together with the way back to the
// flows they show: the recipe that made them, the classes, and each flow's
// true length. A sampler's images are a Set like the real ones.
package dataset

import (
	"iter"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Set is labelled images and the recipe that made them. Images, Labels,
// Lengths and Rows run side by side.
type Set struct {
	Recipe  Recipe
	Classes []string       // sorted; a class may be without images
	Images  imaging.Images // [N, Recipe.Image.Size(Recipe.Length), same, 1]
	Labels  []int          // each image's class, an index into Classes
	Lengths []int          // each image's number of packets, at most Recipe.Length; -1 unknown; nil: all unknown
	Rows    []int          // each flow's row in the input, from 0; nil: their order here

	// zeroDown holds, for each image that has any, the places of packets of 0
	// bytes that went downstream: the one thing about a flow that its signed
	// lengths do not tell (they restore as upstream).
	zeroDown map[int][]int
}

// Build makes a set of all flows, in memory, in their order. A codec without
// parameters is fitted to the flows first.
func Build(flows iter.Seq2[traffic.Flow, error], r Recipe) (*Set, error) { panic("not built yet") }

// Len returns the number of images.
func (s *Set) Len() int { return s.Images.N }

// Counts returns the number of images of every class, in the order of Classes.
func (s *Set) Counts() []int {
	counts := make([]int, len(s.Classes))
	for _, label := range s.Labels {
		counts[label]++
	}
	return counts
}

// Flows ranges over the flows that the images show. Where the number of
// packets is known (sets made from flows) these are the packets that went in.
// Where it is not (a sampler's images) packets of 0 bytes are padding wherever
// they stand: values that round to 0 have no direction, and captures hold no
// packets without payload. An image of nothing but padding yields no flow, so
// there may be fewer flows than images.
//
// The sequence yields an error, and nothing else, when the images cannot be
// inverted: an image kind that is no Inverter, or a scale that is not known.
func (s *Set) Flows() iter.Seq2[traffic.Flow, error] { panic("not built yet") }

// PaddedFlows ranges over the flows as the reference inverts images: one flow
// for each, all Recipe.Length packets long, padding a packet of 0 bytes whose
// direction is downstream where the value before rounding is >= 0 (noise, that
// is).
func (s *Set) PaddedFlows() iter.Seq2[traffic.Flow, error] { panic("not built yet") }

// Split divides the set at random into two of the same classes, the first
// with the share fraction of every class's images (rounded to the nearest
// whole number), each in the order they had. The same seed divides the same
// way.
func (s *Set) Split(fraction float64, seed uint64) (first, second *Set, err error) {
	panic("not built yet")
}
