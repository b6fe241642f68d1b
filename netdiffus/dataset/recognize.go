package dataset

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// ManifestFile is the path of the manifest of the set in the folder dir.
func ManifestFile(dir string) string { return filepath.Join(dir, manifestName) }

// Recognize finds what is at a path, a file or a folder of data or of images: of a set
// its manifest tells, of files without one the first that is there. What cannot be read
// counts as flows: reading it proper gives the error.
func Recognize(path string, columns series.Columns) (Record, error) {
	m, err := readManifest(path)
	switch {
	case err == nil:
		return m.Encoding.Record(), nil
	case !errors.Is(err, fs.ErrNotExist) && !isNotFolder(path, err):
		return "", err
	}
	ofSeries, err := series.Recognize(path, columns)
	if ofSeries {
		return Series, err
	}
	return Flows, err
}

// isNotFolder reports whether reading a manifest failed since path is a file.
func isNotFolder(path string, err error) bool {
	var at *fs.PathError
	return errors.As(err, &at) && at.Path == ManifestFile(path)
}
