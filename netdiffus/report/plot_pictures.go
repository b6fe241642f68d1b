package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// picture is a figure and the name of its file, without the extension.
type picture struct {
	name   string
	figure plots.Figure
}

// album collects pictures, and the errors of those that failed.
type album struct {
	pictures []picture
	failed   error
}

// add returns the figure that it adds.
func (a *album) add(name string, f plots.Figure, err error) plots.Figure {
	a.failed = errors.Join(a.failed, err)
	a.pictures = append(a.pictures, picture{name, f})
	return f
}

// draw draws the pictures of all classes together, of each class, of all classes on
// one page, and an overview.
func (c *Comparison) draw(o PlotOptions) ([]picture, error) {
	var a album
	lengthAxis, timeAxis := lengthAxis, timeAxis
	lengthAxis.Bins, timeAxis.Bins = o.Bins, o.Bins
	global := []plots.Figure{
		c.drawAll(&a, "pl_global", "Payload length, all classes", lengthAxis, 0),
		c.drawAll(&a, "dir_global", "Direction, all classes", directionAxis, 1),
	}
	lengthPage := c.drawClasses(&a, "pl", "Payload length", lengthAxis, 0)
	directionPage := c.drawClasses(&a, "dir", "Direction", directionAxis, 1)
	if len(o.Loss) > 0 {
		f, err := lossCurve(o.Loss)
		global = append(global, a.add("loss", f, err))
	}
	if c.timed && len(allOf(c.test, logTimes)) > 0 && len(allOf(c.synthetic, logTimes)) > 0 {
		f, err := timeAxis.Histogram(plots.Pair{Title: "Inter-arrival time, all classes", Real: allOf(c.test, logTimes), Synthetic: allOf(c.synthetic, logTimes)})
		global = append(global, a.add("iat_global", f, err))
		lengthPage = plots.Above(lengthPage, c.drawTimes(&a, timeAxis))
	}
	details := plots.Beside(lengthPage, directionPage)
	if rows := c.imageRows(); len(rows) > 0 {
		f, err := plots.Compare(c.imageTitle(), imagesEach, rows...)
		details = plots.Beside(plots.Above(lengthPage, directionPage), a.add("images", f, err))
	}
	a.add("overview", plots.Above(plots.Beside(global...), details), nil)
	return a.pictures, a.failed
}

// drawAll draws a feature of distanceFeatures, of all classes together.
func (c *Comparison) drawAll(a *album, name, title string, axis plots.Axis, feature int) plots.Figure {
	of := distanceFeatures[feature].of
	f, err := axis.Histogram(plots.Pair{
		Title: title, Note: c.table.Overall[feature].hellinger("Hellinger distance %.3f"),
		Real: allOf(c.test, of), Synthetic: allOf(c.synthetic, of),
	})
	return a.add(name, f, err)
}

// drawClasses draws a feature of distanceFeatures, of each class, and of all on one
// page, which it returns.
func (c *Comparison) drawClasses(a *album, name, title string, axis plots.Axis, feature int) plots.Figure {
	of, files := distanceFeatures[feature].of, fileNames(c.classes)
	var pairs []plots.Pair
	for i, class := range c.classes {
		row := c.table.Classes[i*len(distanceFeatures)+feature]
		pair := plots.Pair{Title: class, Note: row.hellinger("H %.3f"), Real: of(c.test[i]), Synthetic: of(c.synthetic[i])}
		pairs = append(pairs, pair)
		pair.Title, pair.Note = title+", "+class, row.hellinger("Hellinger distance %.3f")
		f, err := axis.Histogram(pair)
		a.add(name+"_"+files[i], f, err)
	}
	f, err := axis.Panels(title+" by class, with Hellinger distance H", pairs...)
	return a.add("classes_"+name, f, err)
}

// drawTimes draws the inter-arrival times of the classes that have any, on one page.
func (c *Comparison) drawTimes(a *album, axis plots.Axis) plots.Figure {
	var pairs []plots.Pair
	for i, class := range c.classes {
		real, synthetic := logTimes(c.test[i]), logTimes(c.synthetic[i])
		if len(real) > 0 && len(synthetic) > 0 {
			pairs = append(pairs, plots.Pair{Title: class, Real: real, Synthetic: synthetic})
		}
	}
	if len(pairs) == 0 {
		return plots.Figure{}
	}
	f, err := axis.Panels("Inter-arrival time by class", pairs...)
	return a.add("classes_iat", f, err)
}

// fileNames gives each class a safe part of a file's name, other than the "global" of
// the pictures of all classes.
func fileNames(classes []string) []string {
	names := dataset.FileNames(classes)
	for i, name := range names {
		if strings.EqualFold(name, "global") {
			names[i] = name + "~class"
		}
	}
	return names
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

// imageRows has the first images of each class and side.
func (c *Comparison) imageRows() []plots.Row {
	real, synthetic := c.sets[0].Set, c.sets[1].Set
	if real == nil && synthetic == nil {
		return nil
	}
	real, synthetic = alike(real, synthetic)
	var rows []plots.Row
	for _, class := range c.classes {
		rows = append(rows, plots.Row{Name: class, Real: firstImages(real, class), Synthetic: firstImages(synthetic, class)})
	}
	return rows
}

// alike returns two sets whose images are of one kind and size: pictures, or else the
// matrices that the pictures show; only a where there is no such kind.
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

func firstImages(set *dataset.Set, class string) imaging.Images {
	if set == nil {
		return imaging.Images{}
	}
	return set.OfClass(class, imagesEach).Images
}

func (c *Comparison) imageTitle() string {
	set := c.sets[0].Set
	if set == nil {
		set = c.sets[1].Set
	}
	return fmt.Sprintf("Images of flows (%s)", strings.ToUpper(set.Encoding.Image().Name()))
}
