package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// SaveOptions are Save's.
type SaveOptions struct {
	Layout    Layout            // "" means PerFlow, or Pictures where the recipe has a rendering
	Group     string            // Pictures: a folder for those of the classes to lie in; "" means none
	Overwrite bool              // replace an earlier set in the folder; other files are never replaced
	Inputs    []provenance.File // the files that the flows came from, for the manifest
}

// Save writes the set into the folder dir with a manifest. nil options stand for
// their zero value: one file a flow.
//
// The folder must be new or empty, or hold this very set already: then Save does
// nothing, so that it can be repeated. The folder appears when everything is
// written; on an error nothing is left.
func (s *Set) Save(dir string, options *SaveOptions) error {
	if err := s.check(); err != nil {
		return err
	}
	var o SaveOptions
	if options != nil {
		o = *options
	}
	return save(dir, o, func(staged string) error { return s.write(staged, o) })
}

// SaveParts saves a set that comes in parts, so that it need not fit into memory. head is the
// set without its images, of which there are counts[label] of each class. each calls add with
// sets like head, of some of the images each; add does not keep them. Where the flows' rows are
// not known, images are counted as if those of the first class came first, then those of the
// second.
//
// The images lie in the files in the order in which they come, and the folder is as Save
// leaves it: where it holds something else, or samples of another origin, each is not called.
func SaveParts(dir string, head *Set, counts []int, options *SaveOptions, each func(add func(part *Set) error) error) error {
	if err := head.check(); err != nil {
		return err
	}
	var o SaveOptions
	if options != nil {
		o = *options
	}
	if there, err := OriginOf(dir); err == nil && !o.Overwrite && there != nil && !reflect.DeepEqual(there, head.Origin) {
		return checkFree(dir, false)
	}
	return save(dir, o, func(staged string) error { return head.writeParts(staged, o, counts, 0, each) })
}

// writeParts writes the set, which comes in parts, into an empty folder. cut is how many of
// the flows had more packets than their images show.
func (s *Set) writeParts(dir string, o SaveOptions, counts []int, cut int, each func(add func(part *Set) error) error) error {
	out, err := newOutput(dir, o, contents{s.Encoding, s.Classes, counts, s.SeriesLengths != nil, s.Connections})
	if err != nil {
		return err
	}
	defer out.abort()
	out.manifest.Origin = s.Origin
	next := make([]int, len(counts)) // each class's next image, by its number among all
	for label, count := range counts[:max(len(counts)-1, 0)] {
		next[label+1] = next[label] + count
	}
	left := slices.Clone(counts)
	err = each(func(part *Set) error {
		if err := part.check(); err != nil {
			return err
		}
		for i, label := range part.Labels {
			if left[label]--; left[label] < 0 {
				return fmt.Errorf("dataset: class %q: more than %d images", s.Classes[label], counts[label])
			}
			row := next[label]
			next[label]++
			if part.Rows != nil {
				row = part.Rows[i]
			}
			if err := out.add(label, row, part.at(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for label, n := range left {
		if n > 0 {
			return fmt.Errorf("dataset: class %q: %d images, want %d", s.Classes[label], counts[label]-n, counts[label])
		}
	}
	return out.finish(cut, nil)
}

// save lets write fill the folder dir, which it leaves as it is where it holds that already.
func save(dir string, o SaveOptions, write func(staged string) error) error {
	if !o.Overwrite && checkFree(dir, false) != nil && checkFree(dir, true) == nil {
		if same, err := wouldWrite(dir, write); err != nil || same {
			return err
		}
	}
	return stage(dir, o, write)
}

// write writes the set into an empty folder.
func (s *Set) write(dir string, o SaveOptions) error {
	whole := *s
	if whole.Rows == nil { // the images' places in the set, whatever classes they are of
		whole.Rows = make([]int, s.Len())
		for i := range whole.Rows {
			whole.Rows[i] = i
		}
	}
	return s.writeParts(dir, o, s.Counts(), 0, func(add func(part *Set) error) error { return add(&whole) })
}

// output is a set that is being written: its images by the writer, and then its
// manifest.
type output struct {
	writer
	dir      string
	manifest manifest
}

func newOutput(dir string, o SaveOptions, c contents) (*output, error) {
	if _, err := json.Marshal(c.encoding); err != nil {
		return nil, cause(err) // before the images, not after them
	}
	l, err := o.layout(c.encoding.recipe.Rendering != nil)
	if err != nil {
		return nil, err
	}
	w, placed, err := l.create(dir, o, c)
	if err != nil {
		return nil, err
	}
	m := newManifest(l.name(), c, placed)
	m.setInputs(o.Inputs)
	return &output{w, dir, m}, nil
}

// finish completes the set.
func (out *output) finish(cut int, loss *Loss) error {
	if err := out.close(); err != nil {
		return err
	}
	out.manifest.Cut, out.manifest.Loss = cut, loss
	return out.manifest.write(out.dir)
}

// wouldWrite reports whether write would fill a folder with just what is in dir.
// The same set always gives the same bytes.
func wouldWrite(dir string, write func(staged string) error) (bool, error) {
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	defer staged.Abort()
	if err := write(staged.Path()); err != nil {
		return false, err
	}
	return sameFiles(staged.Path(), dir)
}

// sameFiles reports whether two folders hold the same files.
func sameFiles(a, b string) (bool, error) {
	names := func(dir string) (list []string, err error) {
		err = fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
			list = append(list, path)
			return err
		})
		return list, err
	}
	ofA, err := names(a)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	ofB, err := names(b)
	if err != nil || !slices.Equal(ofA, ofB) {
		return false, err
	}
	for _, name := range ofA {
		info, err := os.Stat(filepath.Join(a, name))
		if err != nil {
			return false, fmt.Errorf("dataset: %w", err)
		}
		if info.IsDir() {
			continue
		}
		if same, err := sameContent(filepath.Join(a, name), filepath.Join(b, name)); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// sameContent reports whether two files hold the same. One b that cannot be read does not.
func sameContent(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, nil
	}
	defer y.Close()
	ofX, ofY := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(x, ofX)
		m, _ := io.ReadFull(y, ofY)
		if !bytes.Equal(ofX[:n], ofY[:m]) {
			return false, nil
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return true, nil
		default:
			return false, fmt.Errorf("dataset: %w", err)
		}
	}
}

// stage lets write fill a folder that becomes dir when write succeeds, and is
// removed when it does not.
func stage(dir string, o SaveOptions, write func(staged string) error) error {
	if err := checkFree(dir, o.Overwrite); err != nil {
		return err
	}
	made, err := makeParents(dir)
	if err == nil {
		err = fill(dir, o.Overwrite, write)
	}
	if err != nil {
		for _, parent := range made {
			os.Remove(parent) // fails where something else lies in it by now
		}
	}
	return err
}

// fill is stage where the folder above dir exists.
func fill(dir string, overwrite bool, write func(staged string) error) error {
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer staged.Abort()
	if err := write(staged.Path()); err != nil {
		return err
	}
	if overwrite {
		err = staged.Replace()
	} else {
		err = staged.Commit()
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// makeParents makes the folders above dir and returns those that it made, the
// deepest first.
func makeParents(dir string) (made []string, err error) {
	parent := filepath.Dir(filepath.Clean(dir))
	for above := parent; ; above = filepath.Dir(above) {
		if _, err := os.Stat(above); err == nil || above == filepath.Dir(above) {
			break
		}
		made = append(made, above)
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return made, fmt.Errorf("dataset: %w", err)
	}
	return made, nil
}
