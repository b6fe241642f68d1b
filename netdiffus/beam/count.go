package beam

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/gobs"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Count is the first of the two pipelines of a conversion, Divided: workers read the parts
// of the input, and what the codecs are fitted by is combined from what each has seen. It
// leaves a plan in the output, which Counted reads.
func Count(s sdk.Scope, o ConvertOptions) {
	s = s.Scope("Count")
	counted := sdk.ParDo(s, &countFn{Options: o.packed()}, numbers(s, len(o.Parts)))
	sdk.ParDo0(s, &planFn{Options: o.packed()}, sdk.Combine(s, &tallyFn{}, counted))
}

// counted is what a worker has seen of a part.
type counted struct {
	Part    int
	Failed  string // what is wrong with the part; work that could go well another time fails instead
	Summary []byte
	Input   provenance.File // with the first part of a file
}

// countFn reads parts of the input.
type countFn struct {
	Options []byte // as packed wrote them

	options ConvertOptions
}

// Setup reads the options.
func (f *countFn) Setup() (err error) {
	f.options, err = unpacked(f.Options)
	return err
}

// ProcessElement returns a counted, as gob writes it.
func (f *countFn) ProcessElement(ctx context.Context, index int) ([]byte, error) {
	o := f.options
	part := o.Parts[index]
	name := fmt.Sprintf("part-%05d", index)
	fault("begun", name)
	copies, err := newCopies()
	if err != nil {
		return nil, err
	}
	defer copies.remove()
	local, err := copies.of(ctx, part)
	if err != nil {
		return nil, err
	}
	out := counted{Part: index}
	if part.First == 0 {
		if out.Input, err = provenance.Hash(ctx, local.Path); err != nil {
			return nil, fmt.Errorf("beam: %w", err)
		}
		out.Input.Path = part.Path
	}
	summary, err := o.summary()
	if err != nil {
		return nil, err
	}
	if err := summary.Add(ctx, index, o.Reader.ReadPart(local)); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.Failed = copies.error(part, err).Error()
		return encoded(out)
	}
	if out.Summary, err = summary.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("beam: %s: %w", part.Path, err)
	}
	fault("counted", name)
	return encoded(out)
}

func encoded(v any) ([]byte, error) {
	data, err := gobs.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("beam: %w", err)
	}
	return data, nil
}

func decode(data []byte, v any) error {
	if err := gobs.Unmarshal(data, v); err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	return nil
}

// tally is what was seen of several parts.
type tally struct {
	summary *dataset.Summary // nil where there are none
	inputs  map[int]provenance.File
	failed  map[int]string
}

// tallyState is what is written of a tally.
type tallyState struct {
	Summary []byte
	Inputs  map[int]provenance.File
	Failed  map[int]string
}

func (t tally) encode() ([]byte, error) {
	state := tallyState{Inputs: t.inputs, Failed: t.failed}
	if t.summary != nil {
		var err error
		if state.Summary, err = t.summary.MarshalBinary(); err != nil {
			return nil, fmt.Errorf("beam: %w", err)
		}
	}
	return encoded(state)
}

func decodeTally(data []byte) (tally, error) {
	var state tallyState
	if err := decode(data, &state); err != nil {
		return tally{}, err
	}
	t := newTally()
	for part, in := range state.Inputs {
		t.inputs[part] = in
	}
	for part, failed := range state.Failed {
		t.failed[part] = failed
	}
	if len(state.Summary) == 0 {
		return t, nil
	}
	t.summary = &dataset.Summary{}
	return t, t.summary.UnmarshalBinary(state.Summary)
}

func newTally() tally { return tally{inputs: map[int]provenance.File{}, failed: map[int]string{}} }

// tallyFn puts together what was seen of the parts, in any order.
type tallyFn struct{}

// CreateAccumulator returns a tally of no parts.
func (*tallyFn) CreateAccumulator() tally { return newTally() }

// AddInput adds a counted.
func (f *tallyFn) AddInput(t tally, data []byte) (tally, error) {
	var one counted
	if err := decode(data, &one); err != nil {
		return t, err
	}
	other := newTally()
	if one.Input.Path != "" {
		other.inputs[one.Part] = one.Input
	}
	if one.Failed != "" {
		other.failed[one.Part] = one.Failed
	}
	if len(one.Summary) > 0 {
		other.summary = &dataset.Summary{}
		if err := other.summary.UnmarshalBinary(one.Summary); err != nil {
			return t, fmt.Errorf("beam: %w", err)
		}
	}
	return f.MergeAccumulators(t, other)
}

// MergeAccumulators adds b to a.
func (*tallyFn) MergeAccumulators(a, b tally) (tally, error) {
	for part, in := range b.inputs {
		a.inputs[part] = in
	}
	for part, failed := range b.failed {
		a.failed[part] = failed
	}
	switch {
	case a.summary == nil:
		a.summary = b.summary
	case b.summary != nil:
		if err := a.summary.Merge(b.summary); err != nil {
			return a, fmt.Errorf("beam: %w", err)
		}
	}
	return a, nil
}

// ExtractOutput returns the tally as it is written.
func (*tallyFn) ExtractOutput(t tally) ([]byte, error) { return t.encode() }

// planFile is the file of a plan, in a folder of its name in the staged ones.
const planFile = "plan"

// plan is what Count leaves.
type plan struct {
	Failed string // what is wrong with the input; nothing else is there then
	Plan   *dataset.Plan
	Inputs []provenance.File
}

// planFn plans the shards.
type planFn struct {
	Options []byte // as packed wrote them

	options ConvertOptions
}

// Setup reads the options.
func (f *planFn) Setup() (err error) {
	f.options, err = unpacked(f.Options)
	return err
}

// ProcessElement writes a plan.
func (f *planFn) ProcessElement(ctx context.Context, data []byte) error {
	t, err := decodeTally(data)
	if err != nil {
		return err
	}
	p, err := f.options.plan(t)
	if err != nil {
		return err
	}
	text, err := encoded(p)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, planFile), text, 0o666); err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	fault("planned", planFile)
	return publish(ctx, work, f.options.Out, join(stagedName, planFile))
}

// plan plans the shards of what was seen.
func (o ConvertOptions) plan(t tally) (plan, error) {
	for part := range o.Parts { // the first that failed, whoever came first
		if failed := t.failed[part]; failed != "" {
			return plan{Failed: failed}, nil
		}
	}
	if t.summary == nil {
		return plan{}, errors.New("beam: nothing was counted")
	}
	var p plan
	var err error
	if p.Plan, err = t.summary.Plan(len(o.Parts), o.Shards); err != nil {
		return plan{Failed: fmt.Sprintf("beam: %s: %v", strings.Join(o.In, ", "), err)}, nil
	}
	if p.Plan.Request, err = o.request(); err != nil {
		return plan{}, err
	}
	for part := range o.Parts {
		if in, first := t.inputs[part]; first {
			p.Inputs = append(p.Inputs, in)
		}
	}
	return p, nil
}

// readPlan reads what planFn wrote.
func readPlan(ctx context.Context, out string) (p plan, err error) {
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return p, fmt.Errorf("beam: %w", err)
	}
	defer os.RemoveAll(work)
	local, name := filepath.Join(work, planFile), join(out, stagedName, planFile, planFile)
	if err := onStore(ctx, out, func(store filesystem.Interface) error { return read(ctx, store, name, local) }); err != nil {
		return p, err
	}
	text, err := os.ReadFile(local)
	if err != nil {
		return p, fmt.Errorf("beam: %w", err)
	}
	return p, decode(text, &p)
}
