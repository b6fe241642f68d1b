// Package dataset keeps labelled images together with what decodes them into the
// flows or the time series they show: the encoding that made them, the classes, and each flow's true
// length. A sampler's images are a Set like the real ones.
package dataset

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Set is labelled images and the encoding that made them. Images, Labels,
// SeriesLengths and Rows run side by side.
type Set struct {
	Encoding      *Encoding
	Classes       []string       // sorted; a class may be without images
	Images        imaging.Images // as Encoding.NewImages makes them, a channel for each feature
	Labels        []int          // each image's class, an index into Classes
	SeriesLengths []int          // each image's number of packets, at most Encoding.SeriesLength; -1 unknown; nil: all unknown
	Rows          []int          // each flow's row in the input, from 0; nil: their order here
	Origin        *Origin        // the model that the images were drawn from; nil for real ones, and where it is unknown

	// Connections is what is known of the connections that the flows were, where
	// these came with it (see traffic.Reader.KeepConnections); a sampler's set has
	// that of the flows its model was trained on. It may be nil.
	Connections *connections.Statistics

	zeroDown map[int][]int // the images' remainder.zeroDown, where they have any
	traces   []int         // the images' remainder.trace; 0 at the end may be left out
}

// Build makes a set of all flows, in memory, in their order. A codec without
// parameters is fitted to the flows first.
//
// flows is ranged over twice.
func Build(flows iter.Seq2[traffic.Flow, error], r Recipe) (*Set, error) {
	return build(ofFlows(flows), r)
}

// BuildSeries is Build of series. Channels, SeriesLength and Step that r leaves open
// are those of the first series; one channel without a name gives its codec to all.
//
// all is ranged over three times, once not to its end.
func BuildSeries(all iter.Seq2[series.Series, error], r Recipe) (*Set, error) {
	r, err := r.forSeries(all)
	if err != nil {
		return nil, err
	}
	return build(ofSeries(all), r)
}

func build(sources iter.Seq2[source, error], r Recipe) (*Set, error) {
	fit, err := newFitting(r)
	if err != nil {
		return nil, err
	}
	row := 0
	for from, err := range sources {
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		if err := fit.add(from); err != nil {
			return nil, atRow(row, err)
		}
		row++
	}
	encoding, classes, _, err := fit.result()
	if err != nil {
		return nil, err
	}
	e := newEncoder(encoding)
	s := &Set{Encoding: encoding, Classes: classes, Images: encoding.NewImages(0), Connections: fit.seen.Statistics()}
	for from, err := range sources {
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		image, err := e.from(from)
		if err != nil {
			return nil, atRow(s.Len(), err)
		}
		label, known := slices.BinarySearch(classes, from.class())
		if !known {
			return nil, atRow(s.Len(), errChanged)
		}
		s.add(image, label, s.Len())
	}
	return s, nil
}

var errChanged = errors.New("the data changed between the first pass over them and the second")

// add puts an image at the end of a set whose flows' lengths and rows are
// known.
func (s *Set) add(e encoded, label, row int) {
	if e.picture != nil {
		s.Images.AppendPicture(e.picture)
	} else {
		s.Images.Append(e.image)
	}
	s.Labels = append(s.Labels, label)
	s.Rows = append(s.Rows, row)
	s.SeriesLengths = append(s.SeriesLengths, -1)
	s.setRemainder(s.Len()-1, e.remainder)
}

// forgetUnknown leaves out SeriesLengths where none is known.
func (s *Set) forgetUnknown() {
	if !slices.ContainsFunc(s.SeriesLengths, func(n int) bool { return n >= 0 }) {
		s.SeriesLengths = nil
	}
}

// at returns image i with all that is known of its flow.
func (s *Set) at(i int) encoded {
	e := encoded{remainder: s.remainder(i)}
	if s.Images.Pictures() {
		e.picture = s.Images.Picture(i)
	} else {
		e.image = s.Images.At(i)
	}
	return e
}

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

// Item is the flow that an image shows.
type Item struct {
	Index int // of the image, as in Set.Images, Labels, SeriesLengths and Rows
	traffic.Flow
}

// Flows ranges over the flows that the images show. Where the number of
// packets is known (sets made from flows) these are the packets that went in.
// Where it is not (a sampler's images) packets of 0 bytes are padding wherever
// they stand: values that round to 0 have no direction, and captures hold no
// packets without payload. In pictures that is so of lengths that their colour
// cannot distinguish from 0. An image of nothing but padding yields no flow, so
// there may be fewer flows than images: Item.Index is the image's.
//
// The sequence yields an error, and nothing else, when the images cannot be
// decoded: a kind of image that does not implement imaging.Inverter, or a scale
// that is not known; and for a set of series.
//
// Every channel's feature is restored; with inter-arrival times among them the
// flows are Timed. The lengths' channel gives the packets there are.
func (s *Set) Flows() iter.Seq2[Item, error] {
	return s.flows(func(d *decoder, class string, e encoded) []traffic.Packet {
		if e.length >= 0 {
			return d.packets(class, e)
		}
		return d.drawn(class, e)
	})
}

// Traffic is Flows without the indices: what package traffic reads and writes.
func (s *Set) Traffic() iter.Seq2[traffic.Flow, error] { return withoutIndex(s.Flows()) }

// PaddedFlows ranges over the flows as the reference inverts images: one flow
// for each, all Encoding.SeriesLength packets long, padding a packet of 0 bytes
// whose direction is downstream where the value before rounding is >= 0 (noise,
// that is).
func (s *Set) PaddedFlows() iter.Seq2[traffic.Flow, error] {
	return withoutIndex(s.flows((*decoder).padded))
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
		d, err := s.decoder(Flows)
		if err != nil {
			yield(Item{}, err)
			return
		}
		timed := d.Holds(traffic.FieldIAT)
		for i := range s.Len() {
			label := s.Classes[s.Labels[i]]
			packets := read(d, label, d.pictures.open(s.at(i)))
			if len(packets) > 0 && !yield(Item{i, traffic.Flow{Label: label, Packets: packets, Timed: timed}}, nil) {
				return
			}
		}
	}
}

// check reports parts of the set that do not fit each other or its encoding. Sets
// are also put together by hand.
func (s *Set) check() error {
	if s.Encoding == nil {
		return errors.New("dataset: a set without an encoding")
	}
	n, want := s.Len(), s.Encoding.NewImages(0)
	switch m := s.Images; {
	case m.H != want.H || m.W != want.W || m.C != want.C || !m.Whole() || n > 0 && m.Pictures() != want.Pictures():
		return fmt.Errorf("dataset: images [%d,%d,%d,%d] with %d values and %d bytes, want %d x %d with %d channel(s)",
			n, m.H, m.W, m.C, len(m.Data), len(m.Bytes), want.H, want.W, want.C)
	case len(s.Labels) != n || s.SeriesLengths != nil && len(s.SeriesLengths) != n || s.Rows != nil && len(s.Rows) != n:
		return fmt.Errorf("dataset: %d images, %d labels, %d lengths, %d rows", n, len(s.Labels), len(s.SeriesLengths), len(s.Rows))
	}
	if err := checkClasses(s.Classes); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	for i, label := range s.Labels {
		if label < 0 || label >= len(s.Classes) {
			return fmt.Errorf("dataset: image %d has label %d of %d classes", i, label, len(s.Classes))
		}
		if err := s.remainder(i).check(s.Encoding.SeriesLength()); err != nil {
			return fmt.Errorf("dataset: image %d: %w", i, err)
		}
	}
	return nil
}

// Split divides the set at random into two of the same classes, the first
// with the share fraction of every class's images (rounded to the nearest
// whole number), each in the order they had. Where series are windows of named
// traces it is the share of every class's traces: all windows of a trace go the
// same way. The same seed divides the same way.
func (s *Set) Split(fraction float64, seed uint64) (first, second *Set, err error) {
	if !(fraction >= 0 && fraction <= 1) {
		return nil, nil, fmt.Errorf("dataset: split: fraction %v, want one in [0,1]", fraction)
	}
	if err := s.check(); err != nil {
		return nil, nil, err
	}
	byClass := make([][][]int, len(s.Classes)) // the images of each trace
	at := map[[2]int]int{}                     // where a trace of a class is among these
	for i, label := range s.Labels {
		if trace := s.trace(i); trace != 0 {
			if k, known := at[[2]int{label, trace}]; known {
				byClass[label][k] = append(byClass[label][k], i)
				continue
			}
			at[[2]int{label, trace}] = len(byClass[label])
		}
		byClass[label] = append(byClass[label], []int{i})
	}
	var chosen [2][]int
	for label, traces := range byClass {
		noise.Stream(seed, uint64(label)).Shuffle(len(traces), func(i, j int) { traces[i], traces[j] = traces[j], traces[i] })
		n := int(math.Round(fraction * float64(len(traces))))
		chosen[0] = append(chosen[0], slices.Concat(traces[:n]...)...)
		chosen[1] = append(chosen[1], slices.Concat(traces[n:]...)...)
	}
	slices.Sort(chosen[0])
	slices.Sort(chosen[1])
	return s.Select(chosen[0]), s.Select(chosen[1]), nil
}

// Redrawn returns the set with images of another kind of the same series, by the same
// codecs. It fails for a set of flows, and where the images cannot be decoded.
func (s *Set) Redrawn(image imaging.Encoder) (*Set, error) {
	if s.Encoding == nil || s.Encoding.recipe.Record != Series {
		return nil, fmt.Errorf("dataset: %s images of flows: want a set of series", image.Name())
	}
	if s.Encoding.recipe.Rendering != nil {
		return nil, fmt.Errorf("dataset: %s images of pictures: want a set of images of numbers", image.Name())
	}
	r := s.Encoding.recipe
	r.Image = image
	encoding, err := NewEncoding(r)
	if err != nil {
		return nil, err
	}
	e := newEncoder(encoding)
	out := &Set{Encoding: encoding, Classes: s.Classes, Images: encoding.NewImages(0), Origin: s.Origin}
	at := 0
	for from, err := range s.sources() {
		if err != nil {
			return nil, err
		}
		one, err := e.from(from)
		if err != nil {
			return nil, atRow(at, err)
		}
		row := at
		if s.Rows != nil {
			row = s.Rows[at]
		}
		out.add(one, s.Labels[at], row)
		at++
	}
	return out, nil
}

// OfClass returns the set of copies of the first n images of a class, all where
// it has no more or n is below 1, with all classes. An unknown class
// has none.
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
// order, with all classes. It panics on an index that is out of range.
func (s *Set) Select(images []int) *Set {
	out := &Set{Encoding: s.Encoding, Classes: s.Classes, Images: s.Images.Select(images), Connections: s.Connections}
	if s.SeriesLengths != nil {
		out.SeriesLengths = make([]int, len(images))
	}
	for at, i := range images {
		out.Labels = append(out.Labels, s.Labels[i])
		if s.SeriesLengths != nil {
			out.setRemainder(at, s.remainder(i))
		}
		if s.Rows != nil {
			out.Rows = append(out.Rows, s.Rows[i])
		}
	}
	return out
}
