package dataset

import (
	"fmt"
	"iter"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Parts are the images of a set on the disk, or of the shards of one, so few at a time that
// memory does not grow with the set.
type Parts struct {
	files   []found
	options OpenOptions
	n       int
	bytes   int // of the images of a part, at most, where that is more than one image
}

// partBytes are enough for what is done once a part not to matter.
const partBytes = 1 << 20

// OpenParts finds what Open reads, or the shards in a folder that holds some ([OpenShards]),
// and checks what the files say of themselves. nil options stand for their zero value;
// of shards they are not used.
//
// Of files of a class that have their flows' rows, and not in order, one is held at a time
// for each class; of files of a flow, their names are.
func OpenParts(path string, options *OpenOptions) (*Parts, error) {
	if InShards(path) {
		shards, err := OpenShards(path)
		if err != nil {
			return nil, err
		}
		return shards.parts(), nil
	}
	p := &Parts{bytes: partBytes}
	if options != nil {
		p.options = *options
	}
	f, err := find(path, p.options.ClassFrom)
	if err != nil {
		return nil, err
	}
	r, err := f.open(p.options)
	if err != nil {
		return nil, err
	}
	p.files, p.n = []found{f}, r.left
	return p, r.close()
}

// Len returns the number of images.
func (p *Parts) Len() int { return p.n }

// All ranges over the parts, sets of some of the images each, in the order in which Open has
// them and of shards one after the other. There is always one for each shard, or for the set; it may
// be without images. A damaged file may show only after other parts.
func (p *Parts) All() iter.Seq2[*Set, error] {
	return func(yield func(*Set, error) bool) {
		for _, f := range p.files {
			if !p.of(f, yield) {
				return
			}
		}
	}
}

// of yields the parts of what is in f, and reports whether to go on.
func (p *Parts) of(f found, yield func(*Set, error) bool) bool {
	r, err := f.open(p.options)
	if err != nil {
		yield(nil, err)
		return false
	}
	defer r.close()
	for first := true; first || r.left > 0; first = false {
		set, err := r.next(r.fitting(p.bytes))
		if !yield(set, err) || err != nil {
			return false
		}
	}
	return true
}

// reading is a set that is being read from files.
type reading struct {
	head *Set // without images
	left int  // images that are to be read
	// check reports so many images that may not be held at once; it may be nil.
	check func(n int) error
	// fill reads the next images into a set that has room for them.
	fill  func(s *Set) error
	close func() error
}

// open begins to read what was found.
func (f found) open(o OpenOptions) (*reading, error) {
	if m := f.manifest; m != nil {
		l, err := layoutNamed(m.Layout)
		if err != nil {
			return nil, err
		}
		r, err := l.open(f, o)
		if err == nil {
			r.head.Origin, r.head.Connections = m.Origin, m.Connections
		}
		return r, err
	}
	for _, l := range layouts {
		if l.detect(f) {
			return l.open(f, o)
		}
	}
	return nil, fmt.Errorf("dataset: %s holds neither %s nor .npz or .png files, by themselves or in folders for the classes", f.path, manifestName)
}

// openWhole reads all that was found.
func (f found) openWhole(o OpenOptions) (*Set, error) {
	r, err := f.open(o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.next(r.left)
}

// fitting is how many images of the encoding take so many bytes, at least one.
func (r *reading) fitting(bytes int) int {
	one := r.head.Images.Pixels()
	if !r.head.Images.Pictures() {
		one *= 8
	}
	return max(1, bytes/max(1, one))
}

// next reads the next n images, or those that are left where they are fewer.
func (r *reading) next(n int) (*Set, error) {
	n = min(n, r.left)
	if r.check != nil {
		if err := r.check(n); err != nil {
			return nil, err
		}
	}
	s := *r.head
	s.Images = imaging.New(n, s.Images.H, s.Images.W, s.Images.C)
	if r.head.Images.Pictures() {
		s.Images = imaging.NewPictures(n, s.Images.H, s.Images.W, s.Images.C)
	}
	s.Labels, s.SeriesLengths = make([]int, n), make([]int, n)
	if err := r.fill(&s); err != nil {
		return nil, err
	}
	r.left -= n
	return &s, s.check()
}
