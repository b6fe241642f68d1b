package dataset

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how many folders deep files without a manifest may lie.
const maxDepth = 3

// found is what Open finds at a path.
type found struct {
	path      string
	folder    bool      // path is one
	manifest  *manifest // nil where there is none
	classFrom ClassFrom

	// Without a manifest, the files below path, or path itself.
	pictures, arrays []foundFile // .png, .npz: sorted folder by folder, as guided-diffusion lists them
	others           string      // a picture of another kind, for errors
}

// foundFile is a file and the folders that it lies in, from the one opened on.
type foundFile struct {
	path    string
	folders []string
}

// list lists the files below f.path.
func (f *found) list() error {
	if err := f.add(f.path, nil); err != nil {
		return err
	}
	if len(f.pictures) > 0 && len(f.arrays) > 0 {
		return fmt.Errorf("dataset: %s holds both pictures and arrays, such as %s and %s: which are the data?", f.path, f.pictures[0].path, f.arrays[0].path)
	}
	if len(f.pictures)+len(f.arrays) == 0 && f.others != "" {
		return fmt.Errorf("dataset: %s: of pictures, PNG files are read: convert it without loss first", f.others)
	}
	return nil
}

func (f *found) add(dir string, folders []string) error {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch ext := strings.ToLower(filepath.Ext(e.Name())); {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if len(folders) == maxDepth {
				return fmt.Errorf("dataset: %s lies more than %d folders deep: open a folder nearer to the files", path, maxDepth)
			}
			if err := f.add(path, append(slices.Clone(folders), e.Name())); err != nil {
				return err
			}
		case ext == ".png" && !(len(folders) == 0 && e.Name() == GridName):
			f.pictures = append(f.pictures, foundFile{path, folders})
		case ext == ".npz":
			f.arrays = append(f.arrays, foundFile{path, folders})
		case ext == ".jpg", ext == ".jpeg", ext == ".gif":
			f.others = path
		}
	}
	return nil
}

// class is the name of the file's class.
func (f foundFile) class(from ClassFrom) (string, error) {
	name, _, _ := strings.Cut(filepath.Base(f.path), "_")
	switch from {
	case "", FromLeaf, FromFirst:
		if len(f.folders) == 0 {
			return name, nil
		}
		if from == FromFirst {
			return f.folders[0], nil
		}
		return f.folders[len(f.folders)-1], nil
	case FromFile:
		return name, nil
	}
	return "", fmt.Errorf("dataset: class from %q: want %s, %s or %s", from, FromLeaf, FromFirst, FromFile)
}

// row is the number at the end of the file's name, -1 without one.
func (f foundFile) row() int {
	stem := strings.TrimSuffix(filepath.Base(f.path), filepath.Ext(f.path))
	row, err := strconv.Atoi(stem[strings.LastIndexByte(stem, '_')+1:])
	if err != nil || row < 0 {
		return -1
	}
	return row
}

// flowFile is the file of one flow.
type flowFile struct {
	path       string
	label, row int
}

// labelled gives the files their classes, and their rows where the names hold
// them and no two of a class are equal.
func labelled(files []foundFile, from ClassFrom) (classes []string, out []flowFile, rows bool, err error) {
	names := make([]string, len(files))
	for i, f := range files {
		if names[i], err = f.class(from); err != nil {
			return nil, nil, false, err
		}
	}
	classes = slices.Compact(slices.Sorted(slices.Values(names)))
	type place struct{ label, row int }
	seen := map[place]bool{}
	rows = true
	for i, f := range files {
		label, _ := slices.BinarySearch(classes, names[i])
		file := flowFile{f.path, label, f.row()}
		at := place{label, file.row}
		rows = rows && file.row >= 0 && !seen[at]
		seen[at] = true
		out = append(out, file)
	}
	if rows {
		slices.SortStableFunc(out, func(a, b flowFile) int { return cmp.Compare(a.row, b.row) })
	}
	return classes, out, rows, nil
}
