package dataset

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Shard is one of the parts, nearly equal, in which the samples of every class are drawn:
// one after the other, or each by another process or machine. The zero value is all of
// them.
type Shard struct {
	Index int `json:"index"` // from 0
	Of    int `json:"of"`    // how many there are; 0 means 1
	N     int `json:"n"`     // samples of each class in all of them together
}

// Check reports a shard that there cannot be.
func (s Shard) Check() error {
	of := max(s.Of, 1)
	switch {
	case s.Of < 0 || s.Index < 0 || s.Index >= of:
		return fmt.Errorf("shard %d of %d: want one from 0 to %d", s.Index, s.Of, of-1)
	case s.N < of:
		return fmt.Errorf("%d samples of a class in %d shards: want one in each at least", s.N, of)
	}
	return nil
}

// Range returns which of the samples of each class lie in s: those from first up to, and
// without, end.
func (s Shard) Range() (first, end int) {
	of := max(s.Of, 1)
	size, more := s.N/of, s.N%of // the first shards hold one more
	first = s.Index*size + min(s.Index, more)
	end = first + size
	if s.Index < more {
		end++
	}
	return first, end
}

// Folder is the name of the folder of s below that of all shards: "shard-00003-of-00016".
func (s Shard) Folder() string { return fmt.Sprintf("shard-%05d-of-%05d", s.Index, max(s.Of, 1)) }

func (s Shard) String() string { return fmt.Sprintf("shard %d of %d", s.Index, max(s.Of, 1)) }

// shardFolder is what Shard.Folder returns.
var shardFolder = regexp.MustCompile(`^shard-[0-9]{5,}-of-[0-9]{5,}$`)

// Portion says which part of the flows of a conversion a shard of it holds.
type Portion struct {
	Index  int   `json:"index"`  // from 0
	Of     int   `json:"of"`     // how many shards there are
	Before []int `json:"before"` // by class, flows in the shards before it
	All    []int `json:"all"`    // by class, flows in all shards
	// Request names what all shards were asked for by, beside what their manifests tell;
	// "" where nobody said ([Plan.Request]).
	Request string `json:"request,omitempty"`
}

// Folder is the name of the folder of the shard below that of all shards.
func (p Portion) Folder() string { return Shard{Index: p.Index, Of: p.Of}.Folder() }

// Shards are the folders of all shards of one request, in their order, none missing and
// none there twice: samples drawn from the same weights with the same seed and settings,
// or flows converted together ([Plan.ConvertShard]).
type Shards struct{ list []shardFound }

// shardFound is a shard's folder and manifest.
type shardFound struct {
	path string
	manifest
}

// newShardFound is the shard in the folder path with the manifest m, if it is one.
func newShardFound(path string, m manifest) (shardFound, error) {
	if m.Portion == nil && (m.Origin == nil || m.Origin.Shard == nil) {
		return shardFound{}, fmt.Errorf("dataset: %s is a whole set and not a shard of one", path)
	}
	if err := m.checkShard(); err != nil {
		return shardFound{}, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return shardFound{path, m}, nil
}

// shard is which shard of how many it is.
func (m manifest) shard() Shard {
	if m.Portion != nil {
		return Shard{Index: m.Portion.Index, Of: m.Portion.Of}
	}
	shard := *m.Origin.Shard
	shard.Of = max(shard.Of, 1)
	return shard
}

// before returns how many images of a class lie in the shards before it.
func (m manifest) before(label int) int {
	if m.Portion != nil {
		return m.Portion.Before[label]
	}
	first, _ := m.Origin.Shard.Range()
	return first
}

// all returns how many images of each class there are in all shards.
func (m manifest) all() []int {
	if m.Portion != nil {
		return m.Portion.All
	}
	return slices.Repeat([]int{m.Origin.Shard.N}, len(m.Classes))
}

// request names what a shard of a conversion was asked for by.
func (m manifest) request() string {
	if m.Portion == nil {
		return ""
	}
	return m.Portion.Request
}

// found is the shard's files.
func (s shardFound) found() found { return found{path: s.path, folder: true, manifest: &s.manifest} }

// ErrNoShards is the error of OpenShards where nothing in a folder is a shard.
var ErrNoShards = errors.New("no shards")

// OpenShards finds the shards in folders, of which each is a shard itself or holds shards
// by their names (Shard.Folder). It reads their manifests only. The error names the shards
// that are missing or there twice, and what differs where they are not of one request.
func OpenShards(folders ...string) (*Shards, error) {
	s, known := &Shards{}, encodings{}
	for _, folder := range folders {
		paths, err := shardsIn(folder)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			m, err := known.readManifest(path)
			if err != nil {
				return nil, err
			}
			shard, err := newShardFound(path, m)
			if err != nil {
				return nil, err
			}
			s.list = append(s.list, shard)
		}
	}
	slices.SortStableFunc(s.list, func(a, b shardFound) int { return cmp.Compare(a.shard().Index, b.shard().Index) })
	return s, s.check()
}

// shardsIn returns the shards in a folder, or the folder where it is one.
func shardsIn(folder string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(folder, manifestName)); err == nil {
		return []string{folder}, nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if e.IsDir() && shardFolder.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("dataset: %s: %w: it holds no folder named like %s", folder, ErrNoShards, Shard{}.Folder())
	}
	return paths, nil
}

// checkShard reports a shard's manifest that contradicts itself.
func (m manifest) checkShard() error {
	if m.Portion != nil {
		return m.checkPortion()
	}
	shard := *m.Origin.Shard
	if err := shard.Check(); err != nil {
		return err
	}
	first, end := shard.Range()
	for _, c := range m.Classes {
		if c.Flows != end-first {
			return fmt.Errorf("class %q: %d samples, want %d in %v of %d samples", c.Label, c.Flows, end-first, shard, shard.N)
		}
	}
	return nil
}

// checkPortion reports a manifest of a shard of a conversion that contradicts itself.
func (m manifest) checkPortion() error {
	p := *m.Portion
	if p.Of < 1 || p.Index < 0 || p.Index >= p.Of {
		return fmt.Errorf("shard %d of %d", p.Index, p.Of)
	}
	if len(p.Before) != len(m.Classes) || len(p.All) != len(m.Classes) {
		return fmt.Errorf("portions of %d and %d classes, there are %d", len(p.Before), len(p.All), len(m.Classes))
	}
	for i, c := range m.Classes {
		if p.Before[i] < 0 || p.All[i] < 0 || p.Before[i] > p.All[i] || c.Flows > p.All[i]-p.Before[i] {
			return fmt.Errorf("class %q: %d flows after %d, of %d in all", c.Label, c.Flows, p.Before[i], p.All[i])
		}
	}
	return nil
}

// check reports shards that are not all of one request.
func (s *Shards) check() error {
	if len(s.list) == 0 {
		return fmt.Errorf("dataset: %w", ErrNoShards)
	}
	first := s.list[0]
	of := first.shard().Of
	at := make(map[int]string, len(s.list))
	for _, shard := range s.list {
		if err := first.sameRequest(shard.manifest); err != nil {
			return fmt.Errorf("dataset: %s and %s are not shards of one set: %w", first.path, shard.path, err)
		}
		index := shard.shard().Index
		if other, twice := at[index]; twice {
			return fmt.Errorf("dataset: %v is there twice: %s and %s", shard.shard(), other, shard.path)
		}
		at[index] = shard.path
	}
	var missing []string
	for i := range of {
		if at[i] == "" {
			missing = append(missing, fmt.Sprint(i))
		}
	}
	switch n := len(missing); {
	case n > 10:
		return fmt.Errorf("dataset: %d of %d shards are missing: %s, …", n, of, strings.Join(missing[:10], ", "))
	case n > 0:
		return fmt.Errorf("dataset: %d of %d shards missing: %s", n, of, strings.Join(missing, ", "))
	}
	return s.checkCounts()
}

// checkCounts reports shards that do not go on, in a class, where those before them end.
func (s *Shards) checkCounts() error {
	for label, all := range s.list[0].all() {
		n := 0
		for _, shard := range s.list {
			if before := shard.before(label); before != n {
				return fmt.Errorf("dataset: %s: class %q begins after %d images, and there are %d in the shards before it", shard.path, shard.Classes[label].Label, before, n)
			}
			n += shard.Classes[label].Flows
		}
		if n != all {
			return fmt.Errorf("dataset: class %q: %d images in all shards, want %d", s.list[0].Classes[label].Label, n, all)
		}
	}
	return nil
}

// sameRequest returns what tells other from m, which it must not where both are of shards of
// one set.
func (m manifest) sameRequest(other manifest) error {
	if (m.Portion == nil) != (other.Portion == nil) {
		return errors.New("one was drawn, and one converted")
	}
	if a, b := m.shard(), other.shard(); a.Of != b.Of || a.N != b.N {
		if m.Portion != nil {
			return fmt.Errorf("%d shards, and %d", a.Of, b.Of)
		}
		return fmt.Errorf("%d samples in %d shards, and %d in %d", a.N, a.Of, b.N, b.Of)
	}
	if m.Encoding == other.Encoding { // read from the same text
		m.Encoding, other.Encoding = nil, nil
	}
	for _, pair := range []struct {
		name string
		a, b any
	}{
		{"what they were drawn from", m.wholeOrigin(), other.wholeOrigin()},
		{"inputs", m.Inputs, other.Inputs},
		{"layouts", m.Layout, other.Layout},
		{"classes", m.labels(), other.labels()},
		{"numbers of flows", m.all(), other.all()},
		{"requests", m.request(), other.request()},
		{"recipes", m.Encoding, other.Encoding},
		{"connections", m.Connections, other.Connections},
	} {
		x, err := plainjson.Marshal(pair.a)
		if err != nil {
			return err
		}
		y, err := plainjson.Marshal(pair.b)
		if err != nil {
			return err
		}
		switch {
		case bytes.Equal(x, y):
		case len(x)+len(y) < 1000:
			return fmt.Errorf("%s differ: %s and %s", pair.name, oneLine(x), oneLine(y))
		default:
			return fmt.Errorf("%s differ", pair.name)
		}
	}
	return nil
}

// wholeOrigin is the origin of the set that it is a shard of, nil where there is none.
func (m manifest) wholeOrigin() *Origin {
	if m.Origin == nil {
		return nil
	}
	origin := *m.Origin
	origin.Shard = nil
	return &origin
}

// oneLine is JSON without the spaces that indent it.
func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

// Len returns the number of images in all shards.
func (s *Shards) Len() int {
	n := 0
	for _, shard := range s.list {
		n += shard.Flows
	}
	return n
}

// Count returns the number of shards.
func (s *Shards) Count() int { return len(s.list) }

// parts are the images of the shards, one shard after the other.
func (s *Shards) parts() *Parts {
	p := &Parts{n: s.Len(), bytes: partBytes}
	for _, shard := range s.list {
		p.files = append(p.files, shard.found())
	}
	return p
}

// Merge writes all images into the folder dir, as the one set that they would have been
// if they had been drawn or converted at once: the same files to the byte, where no grid of
// pictures was drawn beside them. Of the options the layout and the inputs are not used: they are the
// shards'. Memory does not grow with them.
func (s *Shards) Merge(ctx context.Context, dir string, options *SaveOptions) error {
	var o SaveOptions
	if options != nil {
		o = *options
	}
	if abs, err := filepath.Abs(dir); err == nil {
		for _, shard := range s.list {
			if path, err := filepath.Abs(shard.path); err == nil && (path == abs || filepath.Dir(path) == abs) {
				return fmt.Errorf("dataset: %s holds the shards: choose another folder", dir)
			}
		}
	}
	o.Layout, o.Inputs = s.list[0].Layout, nil
	return stage(dir, o, func(staged string) error { return s.write(ctx, staged, o) })
}

// write writes all images into an empty folder.
func (s *Shards) write(ctx context.Context, dir string, o SaveOptions) error {
	m := s.list[0].manifest
	head := &Set{Encoding: m.Encoding, Classes: m.labels(), Origin: m.wholeOrigin(), Connections: m.Connections}
	cut := 0
	for _, shard := range s.list {
		cut += shard.Cut
	}
	converted := m.Portion != nil
	if converted {
		head.SeriesLengths = []int{} // known
		for _, in := range m.Inputs {
			o.Inputs = append(o.Inputs, provenance.File{Path: in.File, Digest: in.Digest})
		}
	}
	// The one file of pictures holds them class after class.
	inTurn := m.Layout == Arrays
	passes := head.Classes[:min(1, len(head.Classes))]
	if inTurn {
		passes = head.Classes
	}
	return head.writeParts(dir, o, m.all(), cut, func(add func(*Set) error) error {
		for _, class := range passes {
			for part, err := range s.parts().All() {
				if err == nil {
					err = ctx.Err()
				}
				if err == nil && inTurn {
					part = part.OfClass(class, 0)
				}
				if err != nil {
					return err
				}
				if !converted {
					part.Rows = nil // of the shard
				}
				if err := add(part); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// InShards reports whether dir holds shards instead of a set.
func InShards(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, manifestName)); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	paths, err := shardsIn(dir)
	return err == nil && len(paths) > 0
}
