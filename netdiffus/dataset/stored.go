package dataset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// Stored is a set that stays on the disk: images are read when they are asked for. It is
// for sets that are larger than memory. Several goroutines may read from it at once.
type Stored struct {
	head    *Set
	classes []storedClass
}

// storedClass is the file of one class.
type storedClass struct {
	path string
	key  string
	file *npz.File // nil for a class without images
	rows *npz.Rows
}

// ErrNotStored is the error of a set that lies in files that images cannot be read from one
// by one.
var ErrNotStored = errors.New("the images cannot be read from the disk one by one: that needs a file a class, as the layouts " +
	string(PerClass) + " and " + string(Samples) + " have")

// OpenStored opens the set in the folder dir, which Save or Convert wrote in a layout with
// a file a class; of another one the error is ErrNotStored. Close it after use.
func OpenStored(dir string) (*Stored, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if m.Layout != PerClass && m.Layout != Samples {
		return nil, fmt.Errorf("dataset: %s: %w", dir, ErrNotStored)
	}
	s := &Stored{head: &Set{Encoding: m.Encoding, Classes: m.labels(), Images: m.Encoding.NewImages(0), Origin: m.Origin, Connections: m.Connections}}
	for _, c := range m.Classes {
		class, err := openStoredClass(m.Encoding, classSource{label: c.Label, path: filepath.Join(dir, c.Path), flows: c.Flows, counted: true})
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("dataset: %s: %w", filepath.Join(dir, c.Path), err)
		}
		s.classes = append(s.classes, class)
	}
	if err := s.head.check(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func openStoredClass(e *Encoding, source classSource) (c storedClass, err error) {
	c.path = source.path
	opened, err := source.open(e)
	if err != nil || opened.file == nil {
		return c, err
	}
	c.file, c.key = opened.file, opened.key
	if opened.size != e.Size() {
		err = fmt.Errorf("%s: images of size %d, want %d", c.key, opened.size, e.Size())
	} else {
		c.rows, err = c.file.Rows(c.key)
	}
	if err != nil {
		c.file.Close()
	}
	return c, err
}

// Head returns the set without its images.
func (s *Stored) Head() *Set { return s.head.Select(nil) }

// Counts returns the number of images of every class, in the order of the classes.
func (s *Stored) Counts() []int {
	counts := make([]int, len(s.classes))
	for i, c := range s.classes {
		if c.rows != nil {
			counts[i] = c.rows.Len()
		}
	}
	return counts
}

// Len returns the number of images.
func (s *Stored) Len() int {
	n := 0
	for _, count := range s.Counts() {
		n += count
	}
	return n
}

// Read reads n images of a class, from the one numbered from, as rows of their pixels.
func (s *Stored) Read(class, from, n int) ([]float64, error) {
	c := s.classes[class]
	if c.rows == nil {
		return nil, fmt.Errorf("dataset: %s: class %q has no images", c.path, s.head.Classes[class])
	}
	a, err := c.rows.Read(from, n)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	pixels := a.Floats()
	if err := checkFinite(pixels); err != nil {
		return nil, fmt.Errorf("dataset: %s: images from %d: %w", c.path, from, err)
	}
	return pixels, nil
}

// Verify reads all images once and compares the files' checksums. progress, if not nil, is
// called with the number of images read every few thousand.
func (s *Stored) Verify(ctx context.Context, progress func(completed, total int)) error {
	done, total := 0, s.Len()
	for _, c := range s.classes {
		if c.rows == nil {
			continue
		}
		err := c.file.EachRow(c.key, func(i int, pixels []float64) error {
			if err := checkFinite(pixels); err != nil {
				return fmt.Errorf("image %d: %w", i, err)
			}
			if done++; done%4096 != 0 {
				return nil
			}
			if progress != nil {
				progress(done, total)
			}
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
	}
	return nil
}

// Close closes the files.
func (s *Stored) Close() error {
	var errs []error
	for _, c := range s.classes {
		if c.file != nil {
			errs = append(errs, c.file.Close())
		}
	}
	return errors.Join(errs...)
}
