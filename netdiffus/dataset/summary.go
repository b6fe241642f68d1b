package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/gobs"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Summary is what Convert's first pass keeps of flows: what the codecs are fitted by, and
// how many flows there are of each class. Flows come in numbered parts, which several
// processes can look at, each into a summary of its own: it does not matter which are
// merged with which. [Summary.Plan] says what a conversion in shards makes of them all.
type Summary struct {
	fit     *fitting
	classes []string // only these are converted; nil means all
	parts   map[int]*partSummary
}

// partSummary counts the flows of one part, in blocks of so many rows one after the other,
// so that shards can begin within it. Its fields are what gob writes of it.
type partSummary struct {
	Of     int // rows of a block, but for the last one
	Labels []string
	Blocks []blockSummary
}

// blockSummary counts the flows of a block.
type blockSummary struct {
	Rows   int   // those of classes left out included
	Cut    int   // flows with more packets than an image shows
	Counts []int // by class, in the order of the part's Labels; 0 at the end may be left out
}

// mostBlocks are so many of a part that they become half as many of twice the size.
const mostBlocks = 1024

// NewSummary returns a summary of no flows, for a recipe of images of numbers, of which
// only the flows of the classes are converted, or all where there are none. All codecs that
// take their parameters from the flows must implement codec.MergingFitter.
func NewSummary(r Recipe, classes []string) (*Summary, error) {
	fit, err := newFitting(r)
	if err != nil {
		return nil, err
	}
	switch e := fit.encoding; {
	case e.recipe.Record != Flows:
		return nil, fmt.Errorf("dataset: %s are not converted in shards: convert them at once", e.recipe.Record)
	case e.recipe.Rendering != nil:
		return nil, errors.New("dataset: pictures are not made in shards: convert to images of numbers, or at once")
	}
	for i, f := range fit.fitters {
		if _, merges := f.(codec.MergingFitter); f != nil && !merges {
			c := fit.encoding.recipe.Channels[i]
			return nil, fmt.Errorf("dataset: codec %s of channel %s is fitted to all flows at once: convert them at once, or take another codec", c.Codec.Name(), c.Name())
		}
	}
	if _, err := json.Marshal(fit.encoding); err != nil {
		return nil, cause(err)
	}
	return &Summary{fit: fit, classes: classes, parts: map[int]*partSummary{}}, nil
}

// Add takes a part's flows into account, all of them, in their order. Parts are numbered
// from 0.
func (s *Summary) Add(ctx context.Context, part int, flows iter.Seq2[traffic.Flow, error]) error {
	if s.parts[part] != nil {
		return fmt.Errorf("dataset: part %d is there twice", part)
	}
	p := &partSummary{Of: 1}
	c := conversion{ctx: ctx, sources: ofFlows(flows), options: ConvertOptions{Classes: s.classes}}
	rows := 0
	err := c.each(0, func(row int, from source) error {
		p.skip(row - rows)
		rows = row + 1
		before := s.fit.cut
		if err := s.fit.add(from); err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		p.add(from.class(), s.fit.cut-before)
		return nil
	})
	if err != nil {
		return err
	}
	p.skip(c.rows - rows)
	s.parts[part] = p
	return nil
}

// block returns the block of the next row.
func (p *partSummary) block() *blockSummary {
	if n := len(p.Blocks); n > 0 && p.Blocks[n-1].Rows < p.Of {
		return &p.Blocks[n-1]
	}
	if len(p.Blocks) == mostBlocks {
		for i := range mostBlocks / 2 {
			p.Blocks[i] = p.Blocks[2*i].with(p.Blocks[2*i+1])
		}
		p.Blocks, p.Of = p.Blocks[:mostBlocks/2], 2*p.Of
	}
	p.Blocks = append(p.Blocks, blockSummary{})
	return &p.Blocks[len(p.Blocks)-1]
}

// with returns the block of this one's rows and those of the next.
func (b blockSummary) with(next blockSummary) blockSummary {
	out := blockSummary{Rows: b.Rows + next.Rows, Cut: b.Cut + next.Cut, Counts: make([]int, max(len(b.Counts), len(next.Counts)))}
	for i := range out.Counts {
		for _, counts := range [][]int{b.Counts, next.Counts} {
			if i < len(counts) {
				out.Counts[i] += counts[i]
			}
		}
	}
	return out
}

// skip counts n rows that are not converted.
func (p *partSummary) skip(n int) {
	for range n {
		p.block().Rows++
	}
}

// add counts a row.
func (p *partSummary) add(class string, cut int) {
	at := slices.Index(p.Labels, class)
	if at < 0 {
		at, p.Labels = len(p.Labels), append(p.Labels, class)
	}
	b := p.block()
	b.Rows++
	b.Cut += cut
	for len(b.Counts) <= at {
		b.Counts = append(b.Counts, 0)
	}
	b.Counts[at]++
}

// Merge adds what another summary holds, of the same recipe and classes and of other parts.
func (s *Summary) Merge(other *Summary) error {
	for part, p := range other.parts {
		if s.parts[part] != nil {
			return fmt.Errorf("dataset: part %d is there twice", part)
		}
		s.parts[part] = p
	}
	if err := s.fit.merge(other.fit); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// merge adds what another fitting of the same recipe has seen.
func (s *fitting) merge(other *fitting) error {
	s.cut += other.cut
	for label, n := range other.counts {
		s.counts[label] += n
	}
	seen, err := other.seen.MarshalBinary()
	if err == nil {
		err = s.seen.Merge(seen)
	}
	if err != nil {
		return err
	}
	for i, f := range s.fitters {
		if f == nil {
			continue
		}
		state, err := other.fitters[i].(codec.MergingFitter).MarshalBinary()
		if err == nil {
			err = f.(codec.MergingFitter).Merge(state)
		}
		if err != nil {
			return s.encoding.atChannel(s.encoding.recipe.Channels[i], err)
		}
	}
	return nil
}

// summaryState is what gob writes of a Summary.
type summaryState struct {
	Recipe  []byte // of JSON, without what the codecs are to learn
	Classes []string
	Counts  map[string]int
	Cut     int
	Fitters [][]byte // by channel; none where the codec is given
	Seen    []byte   // of the connections
	Parts   map[int]*partSummary
}

// MarshalBinary writes the summary for another process.
func (s *Summary) MarshalBinary() (data []byte, err error) {
	state := summaryState{Classes: s.classes, Counts: s.fit.counts, Cut: s.fit.cut, Parts: s.parts, Fitters: make([][]byte, len(s.fit.fitters))}
	if state.Recipe, err = json.Marshal(s.fit.encoding); err != nil {
		return nil, cause(err)
	}
	for i, f := range s.fit.fitters {
		if f == nil {
			continue
		}
		if state.Fitters[i], err = f.(codec.MergingFitter).MarshalBinary(); err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
	}
	if state.Seen, err = s.fit.seen.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if data, err = gobs.Marshal(state); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return data, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (s *Summary) UnmarshalBinary(data []byte) error {
	var state summaryState
	if err := gobs.Unmarshal(data, &state); err != nil {
		return fmt.Errorf("dataset: a summary: %w", err)
	}
	var e Encoding
	if err := json.Unmarshal(state.Recipe, &e); err != nil {
		return fmt.Errorf("dataset: a summary: %w", err)
	}
	made, err := NewSummary(e.recipe, state.Classes)
	if err != nil {
		return err
	}
	fit := made.fit
	fit.cut = state.Cut
	maps.Copy(fit.counts, state.Counts)
	maps.Copy(made.parts, state.Parts)
	if err := fit.seen.Merge(state.Seen); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	for i, f := range fit.fitters {
		if f == nil {
			continue
		}
		if i >= len(state.Fitters) {
			return errors.New("dataset: a summary of other channels than its recipe's")
		}
		if err := f.(codec.MergingFitter).Merge(state.Fitters[i]); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
	}
	*s = *made
	return nil
}

// Plan is what a conversion in shards will make: one encoding for all, and what each shard
// holds.
type Plan struct {
	Conversion // without how the flows come back, which the shards say
	Shards     []PlannedShard

	// Request is put into the shards' manifests, so that shards of other requests are known
	// as such: a hash over how the flows are read, say.
	Request string
}

// planState is what gob writes of a Plan.
type planState struct {
	Encoding    []byte // JSON
	Classes     []string
	Counts      []int
	Flows, Cut  int
	Connections *connections.Statistics
	Shards      []PlannedShard
	Request     string
}

// MarshalBinary writes the plan for another process.
func (p *Plan) MarshalBinary() ([]byte, error) {
	encoding, err := json.Marshal(p.Encoding)
	if err != nil {
		return nil, cause(err)
	}
	state := planState{encoding, p.Classes, p.Counts, p.Flows, p.Cut, p.Connections, p.Shards, p.Request}
	data, err := gobs.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return data, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (p *Plan) UnmarshalBinary(data []byte) error {
	var state planState
	if err := gobs.Unmarshal(data, &state); err != nil {
		return fmt.Errorf("dataset: a plan: %w", err)
	}
	e := &Encoding{}
	if err := json.Unmarshal(state.Encoding, e); err != nil {
		return fmt.Errorf("dataset: a plan: %w", err)
	}
	*p = Plan{
		Conversion: Conversion{Encoding: e, Classes: state.Classes, Counts: state.Counts, Flows: state.Flows, Cut: state.Cut, Connections: state.Connections},
		Shards:     state.Shards, Request: state.Request,
	}
	return nil
}

// PlannedShard is a shard of a conversion: rows of parts that follow each other.
type PlannedShard struct {
	Portion
	Row     int // the first one's, among those of all parts
	Sources []PartRows
	Counts  []int // flows of each class
	Cut     int   // flows that had more packets than an image shows
}

// PartRows are rows of a part, from First up to, and without, End.
type PartRows struct{ Part, First, End int }

// Plan returns a conversion of the flows of parts 0 to parts-1, all of which the summary
// must hold, in so many shards, equal in rows to 1/512 of a part; in fewer where there are
// fewer rows, or more shards than 512 for each part. It returns an error where a chosen
// class has no flows.
func (s *Summary) Plan(parts, shards int) (*Plan, error) {
	for part := range parts {
		if s.parts[part] == nil {
			return nil, fmt.Errorf("dataset: part %d of %d is missing", part, parts)
		}
	}
	if len(s.parts) != parts {
		return nil, fmt.Errorf("dataset: %d parts, want %d", len(s.parts), parts)
	}
	p := &Plan{}
	var err error
	if p.Conversion, err = s.fit.conversion(s.classes); err != nil {
		return nil, err
	}
	total := 0
	for _, part := range s.parts {
		for _, b := range part.Blocks {
			total += b.Rows
		}
	}
	row := 0
	before := make([]int, len(p.Classes))
	for i := range parts {
		part, first := s.parts[i], 0
		for _, b := range part.Blocks {
			// The block goes to the shard that its middle row lies in, if all were equal.
			want := min((row+b.Rows/2)*max(shards, 1)/total, max(shards, 1)-1)
			if n := len(p.Shards); n == 0 || want > p.Shards[n-1].Index {
				p.Shards = append(p.Shards, PlannedShard{Row: row, Portion: Portion{Index: want, Before: slices.Clone(before)}, Counts: make([]int, len(p.Classes))})
			}
			p.Shards[len(p.Shards)-1].add(i, first, b)
			for at, n := range b.Counts {
				label, _ := slices.BinarySearch(p.Classes, part.Labels[at])
				p.Shards[len(p.Shards)-1].Counts[label] += n
				before[label] += n
			}
			first, row = first+b.Rows, row+b.Rows
		}
	}
	for i := range p.Shards {
		p.Shards[i].Index, p.Shards[i].Of, p.Shards[i].All = i, len(p.Shards), p.Counts
	}
	return p, nil
}

// add puts a block of a part at the end of the shard's rows.
func (s *PlannedShard) add(part, first int, b blockSummary) {
	s.Cut += b.Cut
	if n := len(s.Sources); n > 0 && s.Sources[n-1].Part == part {
		s.Sources[n-1].End += b.Rows
		return
	}
	s.Sources = append(s.Sources, PartRows{part, first, first + b.Rows})
}

// Rows returns the number of rows of the shard, those of classes left out included.
func (s PlannedShard) Rows() int {
	n := 0
	for _, from := range s.Sources {
		n += from.End - from.First
	}
	return n
}

// ConvertShard makes shard i of a plan of the flows of its rows, in their order, in the
// folder dir, with a file a class. flows is ranged over once. It returns an error
// where they are not those that were planned. All shards merged ([Shards.Merge]) are what
// Convert makes of all flows with the layout PerClass, to the byte. Of the options the
// layout is not used.
func (p *Plan) ConvertShard(ctx context.Context, i int, flows iter.Seq2[traffic.Flow, error], dir string, o ConvertOptions) (Conversion, error) {
	shard, done := p.Shards[i], p.shard(i)
	c := &conversion{ctx: ctx, sources: ofFlows(flows), options: o, first: shard.Row}
	o.Layout = PerClass
	err := stage(dir, o.SaveOptions, func(staged string) error {
		out, err := newOutput(staged, o.SaveOptions, done.contents())
		if err != nil {
			return err
		}
		defer out.abort()
		out.manifest.Portion = p.portion(i)
		if err := c.write(out.writer, &done); err != nil {
			return err
		}
		if c.rows != shard.Rows() {
			return fmt.Errorf("dataset: %w", errChanged)
		}
		return out.finish(done.Cut, nil)
	})
	return done, err
}

// HasShard reports whether the folder dir holds the manifest of shard i, as ConvertShard
// writes it last. Another one in its place is an error.
func (p *Plan) HasShard(i int, dir string, o ConvertOptions) (bool, error) {
	have, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	done := p.shard(i)
	var place placement
	for _, name := range FileNames(p.Classes) {
		place.classes = append(place.classes, name+perClass.ending)
	}
	want := newManifest(PerClass, done.contents(), place)
	want.setInputs(o.Inputs)
	want.Cut, want.Portion, have.SHA256 = done.Cut, p.portion(i), ""
	a, err := plainjson.Marshal(want)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	b, err := plainjson.Marshal(have)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	if !bytes.Equal(a, b) {
		return false, fmt.Errorf("dataset: %s holds flows of another conversion: choose another folder, or remove it", dir)
	}
	return true, nil
}

// shard is the conversion of shard i by itself.
func (p *Plan) shard(i int) Conversion {
	done := p.Conversion
	done.Counts, done.Cut, done.Flows = p.Shards[i].Counts, p.Shards[i].Cut, 0
	for _, n := range done.Counts {
		done.Flows += n
	}
	return done
}

func (p *Plan) portion(i int) *Portion {
	portion := p.Shards[i].Portion
	portion.Request = p.Request
	return &portion
}
