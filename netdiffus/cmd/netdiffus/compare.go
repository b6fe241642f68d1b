package main

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// side is the real or the synthetic traffic of a comparison.
type side struct {
	all     group
	classes map[string]*group // by label
	images  *dataset.Set      // nil where the flows came without
}

// group is the packets of all flows or of one class.
type group struct {
	flows  int
	length []float64 // payload lengths, bytes
	dir    []float64 // 0 up, 1 down
	iat    []float64 // ln(1+microseconds) of all packets but the flows' first
	timed  int       // flows that have times
}

func (g *group) add(f traffic.Flow) {
	g.flows++
	for _, p := range f.Packets {
		g.length = append(g.length, float64(p.Length))
		g.dir = append(g.dir, float64(p.Dir))
	}
	if !f.Timed {
		return
	}
	g.timed++
	for _, p := range f.Packets[min(1, len(f.Packets)):] {
		g.iat = append(g.iat, math.Log1p(max(0, p.IAT)))
	}
}

// source is where a side's flows come from.
type source struct {
	path   string
	flows  iter.Seq2[traffic.Flow, error]
	images *dataset.Set // nil for a file of flows
}

// openSource opens a file of flows, or a folder of images whose flows are those
// that they show; recipe is for folders without a manifest.
func openSource(path string, recipe dataset.Recipe) (source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return source{}, err
	}
	if !info.IsDir() {
		return source{path: path, flows: traffic.Read(path)}, nil
	}
	set, err := dataset.Open(path, &dataset.OpenOptions{Recipe: recipe})
	if err != nil {
		return source{}, err
	}
	if !set.Encoding.Fitted() {
		return source{}, fmt.Errorf("%s has no manifest to take the scale from: give --scale MIN,MAX", path)
	}
	return source{path, set.Traffic(), set}, nil
}

// packetsOf returns how many packets of each flow to compare where sources are
// of different kinds: as many as the images of either hold, 0 for all.
func packetsOf(sources ...source) int {
	n := 0
	for _, s := range sources {
		if s.images != nil && (n == 0 || s.images.Encoding.SeriesLength() < n) {
			n = s.images.Encoding.SeriesLength()
		}
	}
	return n
}

// read gathers the flows, the first so many packets of each; 0 means all.
func (s source) read(packets int) (*side, error) {
	out := &side{classes: map[string]*group{}, images: s.images}
	for f, err := range s.flows {
		if err != nil {
			return nil, err
		}
		if packets > 0 && len(f.Packets) > packets {
			f.Packets = f.Packets[:packets]
		}
		out.all.add(f)
		if out.classes[f.Label] == nil {
			out.classes[f.Label] = &group{}
		}
		out.classes[f.Label].add(f)
	}
	if out.all.flows == 0 {
		return nil, fmt.Errorf("%s: no flows", s.path)
	}
	return out, nil
}

// class returns the packets of a class, none where the side lacks it.
func (s *side) class(label string) group {
	if g := s.classes[label]; g != nil {
		return *g
	}
	return group{}
}

// classesOf returns the labels of either side, sorted.
func classesOf(a, b *side) []string {
	labels := slices.AppendSeq(slices.Collect(maps.Keys(a.classes)), maps.Keys(b.classes))
	slices.Sort(labels)
	return slices.Compact(labels)
}
