package main

import (
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// side is the real or the synthetic traffic of a comparison.
type side struct {
	all     packets
	classes map[string]*packets // by label
	images  *dataset.Set        // nil where the flows came without
}

// packets are the packets of all flows or of one class.
type packets struct {
	flows  int
	length []float64 // payload lengths, bytes
	dir    []float64 // 0 up, 1 down
}

func (p *packets) add(f traffic.Flow) {
	p.flows++
	for _, packet := range f.Packets {
		p.length = append(p.length, float64(packet.Length))
		p.dir = append(p.dir, float64(packet.Dir))
	}
}

// readSide reads flows from a file, or images and the flows they show from a
// folder.
func readSide(path string) (*side, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		set, err := dataset.Open(path)
		if err != nil {
			return nil, err
		}
		return sideOf(path, set.Flows(), set)
	}
	return sideOf(path, traffic.Read(path), nil)
}

// sideOf gathers flows; images, where there are any, are those that show them.
func sideOf(name string, flows iter.Seq2[traffic.Flow, error], images *dataset.Set) (*side, error) {
	s := &side{classes: map[string]*packets{}, images: images}
	for f, err := range flows {
		if err != nil {
			return nil, err
		}
		s.all.add(f)
		if s.classes[f.Label] == nil {
			s.classes[f.Label] = &packets{}
		}
		s.classes[f.Label].add(f)
	}
	if s.all.flows == 0 {
		return nil, fmt.Errorf("%s: no flows", name)
	}
	return s, nil
}

// class returns the packets of a class, none where the side lacks it.
func (s *side) class(label string) packets {
	if p := s.classes[label]; p != nil {
		return *p
	}
	return packets{}
}

// classesOf returns the labels of either side, sorted.
func classesOf(a, b *side) []string {
	labels := slices.AppendSeq(slices.Collect(maps.Keys(a.classes)), maps.Keys(b.classes))
	slices.Sort(labels)
	return slices.Compact(labels)
}
