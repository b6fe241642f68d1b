package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// comparison is what the plot verb and the demo draw: real traffic against
// synthetic, and how the model was trained if that is known.
type comparison struct {
	real, synthetic *side
	loss            map[string]track.Series // a run's metrics; nil for no curve
	bins            int                     // of the payload length histograms
	format          string                  // "png" or "svg"
}

// compareSources reads both sides, so many packets of each flow; 0 means as many
// as images of either side hold, or all where there are no images.
func compareSources(real, synthetic source, packets int) (c comparison, err error) {
	if packets == 0 {
		packets = packetsOf(real, synthetic)
	}
	if c.real, err = real.read(packets); err != nil {
		return c, fmt.Errorf("real: %w", err)
	}
	if c.synthetic, err = synthetic.read(packets); err != nil {
		return c, fmt.Errorf("synthetic: %w", err)
	}
	return c, nil
}

// imagesEach is how many images of a class and side a grid shows.
const imagesEach = 6

var directions = plots.Axis{Label: "direction", Categories: []plots.Category{{Value: 0, Name: "up"}, {Value: 1, Name: "down"}}}

func (c comparison) lengths() plots.Axis {
	return plots.Axis{Label: "payload length (bytes)", Bins: c.bins}
}

// write puts all figures and the table of distances into the folder dir, and
// returns the table. A file of the same name is replaced, others stay; on an
// error, or when ctx is cancelled, nothing is.
func (c comparison) write(ctx context.Context, dir string) (table, error) {
	t := measureAll(c.real, c.synthetic, c.bins)
	figures, err := c.figures(t)
	if err != nil {
		return table{}, err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o777); err != nil {
		return table{}, err
	}
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return table{}, err
	}
	defer staged.Abort()
	for _, f := range figures {
		if err := ctx.Err(); err != nil {
			return table{}, err
		}
		if err := plots.Save(filepath.Join(staged.Path(), f.name+"."+c.format), f.figure); err != nil {
			return table{}, err
		}
	}
	if err := t.save(staged.Path()); err != nil {
		return table{}, err
	}
	err = staged.Commit()
	if errors.Is(err, fs.ErrExist) {
		err = moveInto(staged.Path(), dir)
	}
	return t, err
}

// moveInto moves the files of one folder into another, over those of the same
// name.
func moveInto(from, to string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())); err != nil {
			return err
		}
	}
	return atomicfile.SyncDir(to)
}

// named is a figure and the file it goes to, without its ending.
type named struct {
	name   string
	figure plots.Figure
}

// figures draws everything: for all classes together, for each, and the pages.
func (c comparison) figures(t table) ([]named, error) {
	var all []named
	var failed error
	add := func(name string, f plots.Figure, err error) plots.Figure {
		if err != nil {
			failed = errors.Join(failed, err)
		}
		all = append(all, named{name, f})
		return f
	}
	histogram := func(name string, axis plots.Axis, p plots.Pair) plots.Figure {
		f, err := axis.Histogram(p)
		return add(name, f, err)
	}
	length := plots.Pair{Title: "Payload length, all classes", Note: t.Overall[0].note(), Real: c.real.all.length, Synthetic: c.synthetic.all.length}
	dir := plots.Pair{Title: "Direction, all classes", Note: t.Overall[1].note(), Real: c.real.all.dir, Synthetic: c.synthetic.all.dir}
	global := []plots.Figure{
		histogram("pl_global", c.lengths(), length),
		histogram("dir_global", directions, dir),
	}

	classes := classesOf(c.real, c.synthetic)
	files := fileNames(classes)
	var lengths, dirs []plots.Pair
	for i, class := range classes {
		real, synthetic := c.real.class(class), c.synthetic.class(class)
		length := plots.Pair{Title: class, Note: t.Classes[2*i].short(), Real: real.length, Synthetic: synthetic.length}
		dir := plots.Pair{Title: class, Note: t.Classes[2*i+1].short(), Real: real.dir, Synthetic: synthetic.dir}
		lengths, dirs = append(lengths, length), append(dirs, dir)
		length.Title, length.Note = "Payload length, "+class, t.Classes[2*i].note()
		dir.Title, dir.Note = "Direction, "+class, t.Classes[2*i+1].note()
		histogram("pl_"+files[i], c.lengths(), length)
		histogram("dir_"+files[i], directions, dir)
	}
	panels := func(name, title string, axis plots.Axis, pairs []plots.Pair) plots.Figure {
		f, err := axis.Panels(title, pairs...)
		return add(name, f, err)
	}
	lengthPage := panels("classes_pl", "Payload length by class, with Hellinger distance H", c.lengths(), lengths)
	dirPage := panels("classes_dir", "Direction by class, with Hellinger distance H", directions, dirs)
	if len(c.loss) > 0 {
		f, err := lossCurve(c.loss)
		global = append(global, add("loss", f, err))
	}
	if c.timed() {
		pages, err := c.timeFigures(add)
		failed = errors.Join(failed, err)
		global, lengthPage = append(global, pages[0]), plots.Above(lengthPage, pages[1])
	}
	details := plots.Beside(lengthPage, dirPage)
	if rows := c.imageRows(); len(rows) > 0 {
		f, err := plots.Compare(c.imageTitle(), imagesEach, rows...)
		details = plots.Beside(plots.Above(lengthPage, dirPage), add("images", f, err))
	}
	add("overview", plots.Above(plots.Beside(global...), details), nil)
	return all, failed
}

// times is the axis of inter-arrival times, which span many decades.
var times = plots.Axis{Label: "ln(1 + µs since the packet before)"}

// timed tells whether all flows of both sides have times, and some a second
// packet.
func (c comparison) timed() bool {
	for _, s := range []*side{c.real, c.synthetic} {
		if s.all.timed != s.all.flows || len(s.all.iat) == 0 {
			return false
		}
	}
	return true
}

// timeFigures draws the inter-arrival times of all classes together, and of each
// on a page.
func (c comparison) timeFigures(add func(string, plots.Figure, error) plots.Figure) (pages [2]plots.Figure, err error) {
	axis := times
	axis.Bins = c.bins
	all, err := axis.Histogram(plots.Pair{Title: "Inter-arrival time, all classes", Real: c.real.all.iat, Synthetic: c.synthetic.all.iat})
	pages[0] = add("iat_global", all, err)
	var pairs []plots.Pair
	for _, class := range classesOf(c.real, c.synthetic) {
		real, synthetic := c.real.class(class), c.synthetic.class(class)
		if len(real.iat) > 0 && len(synthetic.iat) > 0 {
			pairs = append(pairs, plots.Pair{Title: class, Real: real.iat, Synthetic: synthetic.iat})
		}
	}
	if len(pairs) == 0 {
		return pages, nil
	}
	page, err := axis.Panels("Inter-arrival time by class", pairs...)
	pages[1] = add("classes_iat", page, err)
	return pages, nil
}

// fileNames gives each class a safe part of a file's name, other than the
// "global" of the figures for all of them.
func fileNames(classes []string) []string {
	names := dataset.FileNames(classes)
	for i, name := range names {
		if strings.EqualFold(name, "global") {
			names[i] = name + "~class"
		}
	}
	return names
}

// note is the distance that a histogram shows above its data.
func (d distances) note() string {
	if math.IsNaN(float64(d.Hellinger)) {
		return ""
	}
	return fmt.Sprintf("Hellinger distance %.3f", float64(d.Hellinger))
}

// short is note for the panels of a page, which explains it once.
func (d distances) short() string {
	if math.IsNaN(float64(d.Hellinger)) {
		return ""
	}
	return fmt.Sprintf("H %.3f", float64(d.Hellinger))
}

// lossCurve draws what was minimised and its parts.
func lossCurve(metrics map[string]track.Series) (plots.Figure, error) {
	var lines []plots.Line
	for _, l := range []struct{ metric, name string }{
		{"loss", "loss"}, {"mse", "squared error"}, {"vb", "variational bound (bits)"}, {"cross_entropy", "cross-entropy (nats)"},
	} {
		if s := metrics[l.metric]; len(s.Step) > 0 {
			lines = append(lines, plots.Line{Name: l.name, X: s.Step, Y: s.Value})
		}
	}
	return plots.Curve("Training loss", lines...)
}

// imageRows gathers the first images of each class and side.
func (c comparison) imageRows() []plots.Row {
	if c.real.images == nil && c.synthetic.images == nil {
		return nil
	}
	real, synthetic := alike(c.real.images, c.synthetic.images)
	var rows []plots.Row
	for _, class := range classesOf(c.real, c.synthetic) {
		rows = append(rows, plots.Row{Name: class, Real: firstImages(real, class), Synthetic: firstImages(synthetic, class)})
	}
	return rows
}

// alike returns two sets whose images can stand beside each other: pictures
// beside pictures of the same size, or else what they show.
func alike(a, b *dataset.Set) (*dataset.Set, *dataset.Set) {
	if a == nil || b == nil || a.Images.H == b.Images.H && a.Images.Pictures() == b.Images.Pictures() {
		return a, b
	}
	plainA, _, errA := a.Plain()
	plainB, _, errB := b.Plain()
	if errA != nil || errB != nil || plainA.Images.H != plainB.Images.H {
		return a, nil
	}
	return plainA, plainB
}

func (c comparison) imageTitle() string {
	set := c.real.images
	if set == nil {
		set = c.synthetic.images
	}
	return "Images of flows (" + strings.ToUpper(set.Encoding.Image().Name()) + ")"
}

func firstImages(set *dataset.Set, class string) imaging.Images {
	if set == nil {
		return imaging.Images{}
	}
	return set.OfClass(class, imagesEach).Images
}
