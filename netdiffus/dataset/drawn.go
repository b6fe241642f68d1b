package dataset

import (
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/reservoir"
)

// OpenDrawn is Open of perClass images of each class at most, drawn at random (package
// reservoir), which the seed chooses; below 1 means all. path may also be a folder of
// shards ([Shard.Folder]), and then they are drawn from all of them. of is how many images
// there are. Memory is that of the images drawn, and of a shard: of files of a class each
// one image is held at a time, and of those of a flow each only the ones drawn are read.
// Pictures, and files without a manifest, are read whole before they are drawn from.
func OpenDrawn(path string, options *OpenOptions, perClass int, seed uint64) (set *Set, of int, err error) {
	var o OpenOptions
	if options != nil {
		o = *options
	}
	if InShards(path) {
		return openDrawnShards(path, perClass, seed)
	}
	m, err := readManifest(path)
	if err != nil {
		// No manifest, or a damaged one, which Open reports.
		if set, err = Open(path, options); err != nil {
			return nil, 0, err
		}
		return newChoice(set.Classes, set.Counts(), perClass, seed).of(set), set.Len(), nil
	}
	var counts []int
	for _, c := range m.Classes {
		counts = append(counts, c.Flows)
		of += c.Flows
	}
	o.chosen = newChoice(m.labels(), counts, perClass, seed)
	if set, err = Open(path, &o); err != nil {
		return nil, 0, err
	}
	if set.Len() == of { // all, or by a layout that does not choose
		set = o.chosen.of(set)
	}
	return set, of, nil
}

// openDrawnShards is OpenDrawn of shards.
func openDrawnShards(path string, perClass int, seed uint64) (*Set, int, error) {
	shards, err := OpenShards(path)
	if err != nil {
		return nil, 0, err
	}
	m := shards.list[0].manifest
	all := shards.list[0].choice(perClass, seed)
	out := &Set{Encoding: m.Encoding, Classes: m.labels(), Connections: m.Connections, Images: m.Encoding.NewImages(0)}
	out.Origin = m.wholeOrigin()
	rows := m.Portion != nil // they are those of all flows, and not of the shard
	for _, shard := range shards.list {
		set, err := shard.openDrawn(all)
		if err != nil {
			return nil, 0, err
		}
		for i, label := range set.Labels {
			row := 0
			if rows {
				row = set.Rows[i]
			}
			out.add(set.at(i), label, row)
		}
	}
	out.forgetUnknown()
	if !rows {
		out.Rows = nil
	}
	return out, shards.Len(), nil
}

// OpenDrawnShard returns the images in one shard, the folder path, of those that OpenDrawn
// draws from all shards: for workers of which each looks at some. of is how many images the
// shard holds.
func OpenDrawnShard(path string, perClass int, seed uint64) (set *Set, of int, err error) {
	m, err := readManifest(path)
	if err != nil {
		return nil, 0, err
	}
	shard, err := newShardFound(path, m)
	if err != nil {
		return nil, 0, err
	}
	set, err = shard.openDrawn(shard.choice(perClass, seed))
	return set, shard.Flows, err
}

// choice is that of the images of all shards that this is one of.
func (s shardFound) choice(perClass int, seed uint64) choice {
	return newChoice(s.labels(), s.all(), perClass, seed)
}

// openDrawn returns the images of s that are among those chosen of all.
func (s shardFound) openDrawn(all choice) (*Set, error) {
	part := choice{}
	for label, c := range s.Classes {
		if chosen, limited := all[c.Label]; limited {
			first := s.before(label)
			part[c.Label] = between(chosen, first, first+c.Flows)
		}
	}
	set, err := s.found().openWhole(OpenOptions{chosen: part})
	if err != nil {
		return nil, err
	}
	if set.Len() == s.Flows { // all, or by a layout that does not choose
		set = part.of(set)
	}
	return set, nil
}

// choice is which images of each class are to be read.
type choice map[string][]int

func newChoice(classes []string, counts []int, perClass int, seed uint64) choice {
	c := choice{}
	for i, label := range classes {
		if perClass > 0 && counts[i] > perClass {
			c[label] = reservoir.Choose(counts[i], perClass, seed, label)
		}
	}
	return c
}

// between returns those chosen of a class from first up to, and without, end, counted from
// first.
func between(chosen []int, first, end int) []int {
	from, _ := slices.BinarySearch(chosen, first)
	to, _ := slices.BinarySearch(chosen, end)
	mine := make([]int, 0, to-from)
	for _, i := range chosen[from:to] {
		mine = append(mine, i-first)
	}
	return mine
}

// has reports whether image i of a class is to be read.
func (c choice) has(label string, i int) bool {
	all, limited := c[label]
	if !limited {
		return true
	}
	_, found := slices.BinarySearch(all, i)
	return found
}

// of returns the images of a whole set that are chosen.
func (c choice) of(s *Set) *Set {
	if len(c) == 0 {
		return s
	}
	var images []int
	seen := make([]int, len(s.Classes))
	for i, label := range s.Labels {
		if c.has(s.Classes[label], seen[label]) {
			images = append(images, i)
		}
		seen[label]++
	}
	out := s.Select(images)
	out.Origin = s.Origin
	return out
}
