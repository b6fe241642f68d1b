// Package dataset keeps labelled images together with the way back to the
// flows they show: the recipe that made them, the classes, and each flow's
// true length. A sampler's images are a Set like the real ones.
package dataset

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Set is labelled images and the recipe that made them. Images, Labels,
// Lengths and Rows run side by side.
type Set struct {
	Recipe  Recipe
	Classes []string       // sorted; a class may be without images
	Images  imaging.Images // [N, Recipe.Image.Size(Recipe.Length), same, C], a channel a feature, or as Recipe.Rendering says
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
//
// flows is ranged over twice.
func Build(flows iter.Seq2[traffic.Flow, error], r Recipe) (*Set, error) {
	look, err := newSurvey(r)
	if err != nil {
		return nil, err
	}
	row := 0
	for f, err := range flows {
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		if err := look.add(f); err != nil {
			return nil, atRow(row, err)
		}
		row++
	}
	r, classes, _, err := look.result()
	if err != nil {
		return nil, err
	}
	e := newEncoder(r)
	s := &Set{Recipe: r, Classes: classes, Images: r.NewImages(0)}
	for f, err := range flows {
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		image, err := e.encode(f)
		if err != nil {
			return nil, atRow(s.Len(), err)
		}
		label, known := slices.BinarySearch(classes, f.Label)
		if !known {
			return nil, atRow(s.Len(), errChanged)
		}
		s.add(image, label, s.Len())
	}
	return s, nil
}

var errChanged = errors.New("the flows changed between the first look at them and the second")

// add puts an image at the end of a set whose flows' lengths and rows are
// known.
func (s *Set) add(e encoded, label, row int) {
	s.setZeroDown(s.Len(), e.zeroDown)
	if e.picture != nil {
		s.Images.AppendPicture(e.picture)
	} else {
		s.Images.Append(e.image)
	}
	s.Labels = append(s.Labels, label)
	s.Lengths = append(s.Lengths, e.length)
	s.Rows = append(s.Rows, row)
}

// setZeroDown notes the places for image i.
func (s *Set) setZeroDown(i int, places []int) {
	if len(places) == 0 {
		return
	}
	if s.zeroDown == nil {
		s.zeroDown = map[int][]int{}
	}
	s.zeroDown[i] = places
}

// forgetUnknown leaves out Lengths where none is known.
func (s *Set) forgetUnknown() {
	if !slices.ContainsFunc(s.Lengths, func(n int) bool { return n >= 0 }) {
		s.Lengths = nil
	}
}

// at returns image i with all that is known of its flow; length is -1 where
// that is unknown.
func (s *Set) at(i int) encoded {
	e := encoded{length: -1, zeroDown: s.zeroDown[i]}
	if s.Images.Pictures() {
		e.picture = s.Images.Picture(i)
	} else {
		e.image = s.Images.At(i)
	}
	if s.Lengths != nil {
		e.length = s.Lengths[i]
	}
	return e
}

// Len returns the number of images.
func (s *Set) Len() int { return s.Images.N }

// Fitted tells whether the set's scale is known, which Flows needs. It is not
// where the reference's files were opened without it.
func (s *Set) Fitted() bool {
	p := s.Recipe.Rendering
	return s.Recipe.withDefaults().fitted() && (p == nil || p.Color != "")
}

// Counts returns the number of images of every class, in the order of Classes.
func (s *Set) Counts() []int {
	counts := make([]int, len(s.Classes))
	for _, label := range s.Labels {
		counts[label]++
	}
	return counts
}

// Item is the flow that an image shows.
type Item struct {
	Index int // of the image, as in Set.Images, Labels, Lengths and Rows
	traffic.Flow
}

// Flows ranges over the flows that the images show. Where the number of
// packets is known (sets made from flows) these are the packets that went in.
// Where it is not (a sampler's images) packets of 0 bytes are padding wherever
// they stand: values that round to 0 have no direction, and captures hold no
// packets without payload. In pictures that is so of lengths that their colour
// cannot tell from 0 (Recipe.Slack). An image of nothing but padding yields no
// flow, so there may be fewer flows than images: Item.Index is the image's.
//
// The sequence yields an error, and nothing else, when the images cannot be
// decoded: a kind of image that does not implement imaging.Inverter, or a scale
// that is not known.
//
// Every channel's feature is restored; with inter-arrival times among them the
// flows are Timed. The lengths' channel gives the packets there are.
func (s *Set) Flows() iter.Seq2[Item, error] {
	return s.flows(func(d *decoder, class string, e encoded) []traffic.Packet {
		if e.length >= 0 {
			return d.packets(class, e)
		}
		p := make([]traffic.Packet, d.Length)
		d.restore(class, e.image, p)
		if !d.has(traffic.SignedLength{}) && !d.has(Length{}) {
			return p // no channel holds lengths
		}
		p = slices.DeleteFunc(p, func(p traffic.Packet) bool { return p.Length <= d.slack })
		if len(p) > 0 {
			p[0].IAT = 0
		}
		return p
	})
}

// Traffic is Flows without the indices: what package traffic reads and writes.
func (s *Set) Traffic() iter.Seq2[traffic.Flow, error] { return withoutIndex(s.Flows()) }

// PaddedFlows ranges over the flows as the reference inverts images: one flow
// for each, all Recipe.Length packets long, padding a packet of 0 bytes whose
// direction is downstream where the value before rounding is >= 0 (noise, that
// is).
func (s *Set) PaddedFlows() iter.Seq2[traffic.Flow, error] {
	return withoutIndex(s.flows(func(d *decoder, class string, e encoded) []traffic.Packet {
		p := make([]traffic.Packet, d.Length)
		v := d.restore(class, e.image, p)[d.lengthChannel()]
		for i := range p {
			if p[i].Length <= d.slack {
				p[i].Length = 0
			}
			if p[i].Length == 0 && v[i] >= 0 && !d.has(Direction{}) {
				p[i].Dir = traffic.Down
			}
		}
		p[0].IAT = 0
		return p
	}))
}

func withoutIndex(items iter.Seq2[Item, error]) iter.Seq2[traffic.Flow, error] {
	return func(yield func(traffic.Flow, error) bool) {
		for item, err := range items {
			if !yield(item.Flow, err) {
				return
			}
		}
	}
}

// flows yields for every image the flow of the packets that read finds in it,
// if there are any.
func (s *Set) flows(read func(d *decoder, class string, e encoded) []traffic.Packet) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		d, err := newDecoder(s.Recipe.withDefaults())
		if err == nil {
			err = s.check()
		}
		if err != nil {
			yield(Item{}, err)
			return
		}
		timed := d.Timed()
		for i := range s.Len() {
			label := s.Classes[s.Labels[i]]
			packets := read(d, label, d.pictures.open(s.at(i)))
			if len(packets) > 0 && !yield(Item{i, traffic.Flow{Label: label, Packets: packets, Timed: timed}}, nil) {
				return
			}
		}
	}
}

// check tells whether the set's parts fit each other and its recipe. Sets are
// also put together by hand.
func (s *Set) check() error {
	r := s.Recipe.withDefaults()
	n, want := s.Len(), r.NewImages(0)
	switch m := s.Images; {
	case m.H != want.H || m.W != want.W || m.C != want.C || !m.Whole() || n > 0 && m.Pictures() != want.Pictures():
		return fmt.Errorf("dataset: images [%d,%d,%d,%d] with %d values and %d bytes, want %d x %d with %d channel(s)",
			n, m.H, m.W, m.C, len(m.Data), len(m.Bytes), want.H, want.W, want.C)
	case len(s.Labels) != n || s.Lengths != nil && len(s.Lengths) != n || s.Rows != nil && len(s.Rows) != n:
		return fmt.Errorf("dataset: %d images, %d labels, %d lengths, %d rows", n, len(s.Labels), len(s.Lengths), len(s.Rows))
	}
	if err := checkClasses(s.Classes); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	for i := range n {
		if label := s.Labels[i]; label < 0 || label >= len(s.Classes) {
			return fmt.Errorf("dataset: image %d has label %d of %d classes", i, label, len(s.Classes))
		}
		e := s.at(i)
		if e.length > r.Length {
			return fmt.Errorf("dataset: image %d has %d packets, want at most %d", i, e.length, r.Length)
		}
		for _, place := range e.zeroDown {
			if place < 0 || place >= e.length {
				return fmt.Errorf("dataset: image %d: packet %d of %d", i, place, e.length)
			}
		}
	}
	return nil
}

// Split divides the set at random into two of the same classes, the first
// with the share fraction of every class's images (rounded to the nearest
// whole number), each in the order they had. The same seed divides the same
// way.
func (s *Set) Split(fraction float64, seed uint64) (first, second *Set, err error) {
	if !(fraction >= 0 && fraction <= 1) {
		return nil, nil, fmt.Errorf("dataset: split: fraction %v, want one in [0,1]", fraction)
	}
	if err := s.check(); err != nil {
		return nil, nil, err
	}
	byClass := make([][]int, len(s.Classes))
	for i, label := range s.Labels {
		byClass[label] = append(byClass[label], i)
	}
	var chosen [2][]int
	for label, images := range byClass {
		noise.Stream(seed, uint64(label)).Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
		n := int(math.Round(fraction * float64(len(images))))
		chosen[0] = append(chosen[0], images[:n]...)
		chosen[1] = append(chosen[1], images[n:]...)
	}
	slices.Sort(chosen[0])
	slices.Sort(chosen[1])
	return s.Select(chosen[0]), s.Select(chosen[1]), nil
}

// OfClass returns the set of copies of the first n images of a class, all where
// it has no more or n is below 1, with all classes. Of a class that s has not
// there are none.
func (s *Set) OfClass(class string, n int) *Set {
	var images []int
	for i, label := range s.Labels {
		if s.Classes[label] == class && (n < 1 || len(images) < n) {
			images = append(images, i)
		}
	}
	return s.Select(images)
}

// Select returns the set of copies of the images with these indices, in their
// order, with all classes. It panics on an index that s has not.
func (s *Set) Select(images []int) *Set {
	out := &Set{Recipe: s.Recipe, Classes: s.Classes, Images: s.Images.Select(images)}
	for at, i := range images {
		out.setZeroDown(at, s.zeroDown[i])
		out.Labels = append(out.Labels, s.Labels[i])
		if s.Lengths != nil {
			out.Lengths = append(out.Lengths, s.Lengths[i])
		}
		if s.Rows != nil {
			out.Rows = append(out.Rows, s.Rows[i])
		}
	}
	return out
}
