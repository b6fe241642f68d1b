package dataset

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Parts that nobody registered.
type (
	privateCodec   struct{ codec.MinMax }
	privateImage   struct{ imaging.GASF }
	privateFeature struct{ traffic.SignedLength }
)

func (privateCodec) Name() string   { return "private" }
func (privateFeature) Name() string { return "private" }

// The image keeps the name of GASF: another type of a registered name cannot be
// saved either.

// Parts that are not registered work in memory. Saving them fails with the cure,
// before any work, and leaves nothing.
func TestUnregisteredParts(t *testing.T) {
	scale := codec.MinMax{Min: -2400, Max: 2400}
	for cure, r := range map[string]Recipe{
		"codec.Register":          {Channels: []Channel{{Codec: privateCodec{scale}}}},
		"imaging.Register":        {Channels: []Channel{{Codec: scale}}, Image: privateImage{}},
		"traffic.RegisterFeature": {Channels: []Channel{{Feature: privateFeature{}, Codec: scale}}},
	} {
		set := mustBuild(t, sample(), r)
		checkFlows(t, collect(t, set.Traffic()), cut(sample(), 10))
		parent := t.TempDir()
		if err := set.Save(filepath.Join(parent, "set"), nil); err == nil || !strings.Contains(err.Error(), cure) {
			t.Errorf("Save = %v, want an error that names %s", err, cure)
		}
		passes := 0
		flows := func(yield func(traffic.Flow, error) bool) { passes++ }
		_, err := Convert(context.Background(), flows, r, filepath.Join(parent, "set"), ConvertOptions{})
		if err == nil || !strings.Contains(err.Error(), cure) || passes != 0 {
			t.Errorf("Convert = %v after %d passes over the flows, want an error that names %s before any", err, passes, cure)
		}
		checkEntries(t, parent)
	}
}
