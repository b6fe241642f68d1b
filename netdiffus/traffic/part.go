package traffic

import (
	"errors"
	"fmt"
	"iter"
)

// Part is some of the flows of a file, which are read without the others.
type Part struct {
	Path string
	// Root is the folder that the file was found in, which LabelFromFolder counts from;
	// "" where it was named itself.
	Root string
	// First and End are row groups of a Parquet file, from First up to, and without,
	// End. An End of 0 stands for all of the file, of whatever kind.
	First, End int
}

// Parts divides what ReadAll reads of the paths into parts, in the order of ReadAll.
// A Parquet file is cut between its row groups so that a part has so many rows, or more;
// others are a part each, because they are read from their beginnings. Of a reader that
// joins captures it returns an error.
func (r Reader) Parts(rows int, paths ...string) ([]Part, error) {
	if r.Join {
		return nil, errors.New("traffic: captures that are joined have no parts: read each by itself")
	}
	var parts []Part
	for _, u := range r.units(paths) {
		if u.err != nil {
			return nil, u.err
		}
		whole := Part{Path: u.paths[0], Root: u.root}
		groups, err := r.groupsOf(whole.Path)
		if err != nil {
			return nil, err
		}
		if len(groups) == 0 {
			parts = append(parts, whole)
			continue
		}
		inPart := int64(0)
		for i, n := range groups {
			if inPart += n; inPart >= int64(rows) || i == len(groups)-1 {
				next := whole
				next.First, next.End = whole.First, i+1
				parts = append(parts, next)
				whole.First, inPart = i+1, 0
			}
		}
	}
	return parts, nil
}

// groupsOf returns the rows of a Parquet file's row groups, none for other files and for
// one that the reading proper will report.
func (r Reader) groupsOf(path string) ([]int64, error) {
	f, k, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if k.name != parquetKind {
		return nil, nil
	}
	p, err := openParquet(f, path, r)
	if err != nil {
		return nil, nil
	}
	defer p.Close()
	return p.Groups(), nil
}

// ReadPart ranges over the flows of a part, as Read does over those of a file.
func (r Reader) ReadPart(p Part) iter.Seq2[Flow, error] {
	r.root, r.part = p.Root, p
	return r.Read(p.Path)
}

// checkPart reports a part that a file of some kind does not have.
func (r Reader) checkPart(k kind, path string) error {
	if r.part.End > 0 && k.name != parquetKind {
		return fmt.Errorf("traffic: %s: row groups %d to %d of it, and it is %s: it has changed", path, r.part.First, r.part.End-1, k.name)
	}
	return nil
}
