package tracker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// medium is a file or a folder of a run that trackers are given.
type medium struct {
	name    string // in the run directory, with slashes
	version string // another one where it has changed
	read    func(run Run, at time.Time) (Batch, error)
}

// largestFile is the size in bytes of the largest file that is sent. What is larger is
// data, which no tracker is for.
const largestFile = 64 << 20

// gridImages is how many images of a set of samples are sent, gridColumns to a row.
const gridImages, gridColumns = 64, 16

// media lists what there is in a run directory besides its metrics, in the order of
// names: configuration, plots, reports, sets of samples. Checkpoints are not sent.
func media(dir string) []medium {
	var list []medium
	filepath.WalkDir(dir, func(at string, entry fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, at)
		if err != nil || relErr != nil || name == "." {
			return nil // what is gone or cannot be read is no reason to send less of the rest
		}
		name = filepath.ToSlash(name)
		switch parts := strings.Split(name, "/"); {
		case strings.HasPrefix(entry.Name(), "."), parts[0] == "checkpoints", parts[0] == "trackers", parts[0] == tensorboardFolder:
			return skip(entry)
		case entry.IsDir():
			if info, err := os.Stat(dataset.ManifestFile(at)); err == nil {
				list = append(list, medium{name, version(info), func(run Run, t time.Time) (Batch, error) { return samples(run, name, t) }})
				return fs.SkipDir
			}
			if len(parts) > 3 {
				return fs.SkipDir
			}
		case entry.Type().IsRegular() && wanted(name):
			if info, err := entry.Info(); err == nil {
				list = append(list, medium{name, version(info), func(run Run, t time.Time) (Batch, error) { return file(run, name, t) }})
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b medium) int { return strings.Compare(a.name, b.name) })
	return list
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func wanted(name string) bool {
	switch path.Ext(name) {
	case ".json", ".csv", ".html", ".png", ".svg", ".md", ".yaml", ".yml", ".txt":
		return true
	}
	return false
}

// version is that of a file: another one where its bytes are others.
func version(info fs.FileInfo) string {
	return fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
}

// file reads one file: a picture, or another.
func file(run Run, name string, at time.Time) (Batch, error) {
	place := filepath.Join(run.Dir, filepath.FromSlash(name))
	info, err := os.Stat(place)
	if err != nil {
		return Batch{}, err
	}
	if info.Size() > largestFile {
		return Batch{}, fmt.Errorf("%d MB are more than trackers are given", info.Size()>>20)
	}
	if path.Ext(name) != ".png" {
		return Batch{Files: []File{{name, place}}}, nil
	}
	text, err := os.ReadFile(place)
	if err != nil {
		return Batch{}, err
	}
	size, err := png.DecodeConfig(bytes.NewReader(text))
	if err != nil {
		return Batch{}, err
	}
	step, err := lastStep(run.Dir)
	return Batch{Images: []Image{{strings.TrimSuffix(name, ".png"), step, at, text, size.Width, size.Height}}}, err
}

// samples reads a set of samples: a grid of its first images, and how its lengths are
// distributed, class by class.
func samples(run Run, name string, at time.Time) (Batch, error) {
	place := filepath.Join(run.Dir, filepath.FromSlash(name))
	set, err := dataset.Open(place, nil)
	if err != nil {
		return Batch{}, err
	}
	step, err := sampleStep(run.Dir, place)
	if err != nil {
		return Batch{}, err
	}
	grid, err := plots.Grid(spread(set).Images, gridImages, gridColumns)
	if err != nil {
		return Batch{}, err
	}
	var picture bytes.Buffer
	if err := plots.Encode(&picture, "png", grid); err != nil {
		return Batch{}, err
	}
	size, err := png.DecodeConfig(bytes.NewReader(picture.Bytes()))
	if err != nil {
		return Batch{}, err
	}
	b := Batch{Images: []Image{{name, step, at, picture.Bytes(), size.Width, size.Height}}}
	for _, class := range set.Classes {
		lengths, err := traffic.Values(set.Traffic(), traffic.SignedLength{}, class)
		if err != nil {
			break // images that hold no lengths have none to show
		}
		b.Histograms = append(b.Histograms, Histogram{name + "/length/" + class, step, at, lengths})
	}
	return b, nil
}

// spread picks the images of a grid: the classes in turn.
func spread(set *dataset.Set) *dataset.Set {
	each := max(1, gridImages/max(1, len(set.Classes)))
	taken := map[string]int{}
	var images []int
	for i, label := range set.Labels {
		if class := set.Classes[label]; taken[class] < each {
			taken[class]++
			images = append(images, i)
		}
	}
	return set.Select(images)
}

// sampleStep is the step after which the samples in the folder place were drawn, from
// the note beside them, or else the last one of the run.
func sampleStep(dir, place string) (int, error) {
	var note struct{ Step *int }
	if readJSON(place+".json", &note) == nil && note.Step != nil {
		return *note.Step, nil
	}
	return lastStep(dir)
}

// lastStep is the last step of the run's metrics, 0 without any.
func lastStep(dir string) (int, error) {
	step := 0
	for tail := track.NewTail(dir); ; {
		points, _, err := tail.Next()
		if err != nil || len(points) == 0 {
			return step, err
		}
		step = points[len(points)-1].Step
	}
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a seed of 64 bits stays itself
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
