package dataset

import (
	"cmp"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Evenly returns one in step of the images of each class, in their order: of the images
// sorted by their number of packets, and then by the signed lengths of the packets from
// the first on, every step-th one. The few that are left are spread over all the sizes
// and beginnings that the many have, as a random choice is only by and large: systematic
// sampling (Madow & Madow 1944). It returns an error where the flows cannot be decoded.
func (s *Set) Evenly(step int) (*Set, error) {
	values := make([][]float64, s.Len()) // none where an image is of no packets
	for item, err := range s.Flows() {
		if err != nil {
			return nil, err
		}
		values[item.Index] = traffic.SignedLength{}.Values(item.Flow.Packets)
	}
	ofClass := make([][]int, len(s.Classes))
	for i, label := range s.Labels {
		ofClass[label] = append(ofClass[label], i)
	}
	var kept []int
	for _, images := range ofClass {
		slices.SortStableFunc(images, func(a, b int) int {
			return cmp.Or(cmp.Compare(len(values[a]), len(values[b])), slices.Compare(values[a], values[b]))
		})
		for at := step / 2; at < len(images); at += max(1, step) {
			kept = append(kept, images[at])
		}
	}
	slices.Sort(kept)
	return s.Select(kept), nil
}
