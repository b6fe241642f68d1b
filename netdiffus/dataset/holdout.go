package dataset

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// HoldOut divides the set at random, as Split does, by traces where there are several
// windows of one: fit keeps the share 1-share of
// every class, held gets the rest. Codecs that count what is seen (codec.Atoms) are
// fitted anew to fit alone, and both sets are encoded by them, so that fit holds
// nothing of held. Flows that those codecs cannot encode, since they hold a value that
// fit never has, are left out of held; lost is how many.
func (s *Set) HoldOut(share float64, seed uint64) (fit, held *Set, lost int, err error) {
	if !(share > 0 && share < 0.5) {
		return nil, nil, 0, fmt.Errorf("dataset: hold out %v of the flows: want a share above 0 and below 0.5", share)
	}
	fit, held, err = s.Split(1-share, seed)
	if err != nil {
		return nil, nil, 0, err
	}
	if !s.Encoding.refits() {
		return fit, held, 0, nil
	}
	if s.SeriesLengths == nil {
		return nil, nil, 0, errors.New("dataset: hold out: the records' lengths are unknown, as those of samples are")
	}
	classes := s.Classes
	if fit, err = build(fit.sources(), s.Encoding.Unfitted()); err != nil {
		return nil, nil, 0, err
	}
	if len(fit.Classes) != len(classes) {
		return nil, nil, 0, fmt.Errorf("dataset: hold out: %d of %d classes have flows left", len(fit.Classes), len(classes))
	}
	e, out := newEncoder(fit.Encoding), &Set{Encoding: fit.Encoding, Classes: classes, Images: fit.Encoding.NewImages(0)}
	at := 0 // of sets whose lengths are known, every image is a record
	for from, err := range held.sources() {
		if err != nil {
			return nil, nil, 0, err
		}
		if image, err := e.from(from); err != nil {
			lost++
		} else {
			out.add(image, held.Labels[at], at)
		}
		at++
	}
	return fit, out, lost, nil
}

// refits reports whether a codec counts what is seen.
func (e *Encoding) refits() bool {
	return slices.ContainsFunc(e.recipe.Channels, func(c Channel) bool { _, is := c.Codec.(codec.Refitter); return is })
}

// Unfitted returns the recipe as it was before the codecs that count what is seen were
// fitted, for other records of the kind.
func (e *Encoding) Unfitted() Recipe {
	recipe := e.recipe
	recipe.Channels = e.Channels()
	for i, c := range recipe.Channels {
		if r, ok := c.Codec.(codec.Refitter); ok {
			recipe.Channels[i].Codec = r.Unfitted()
		}
	}
	return recipe
}

// Thin returns the set of about n of the flows, the first of each class in
// proportion to its size, of a class that has any one at least.
func (s *Set) Thin(n int) *Set {
	counts, taken := s.Counts(), make([]int, len(s.Classes))
	share := min(1, float64(n)/float64(max(1, s.Len())))
	var images []int
	for i, label := range s.Labels {
		if taken[label] < max(1, int(share*float64(counts[label]))) {
			taken[label]++
			images = append(images, i)
		}
	}
	return s.Select(images)
}
