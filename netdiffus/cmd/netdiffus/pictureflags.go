package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// pictureFlags are convert's flags for pictures of 8 bits a pixel.
type pictureFlags struct {
	format, group string
	rendering     imaging.Rendering
}

func (f *pictureFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.format, "format", "npz", "files: npz (numbers; with --color guided-diffusion's samples_NxHxWxC.npz), or png (pictures, CLASS/CLASS_row.png)")
	flags.StringVar(&f.rendering.Color, "color", "", "pictures: colours, jet (RGB) or gray (default with --format png: jet)")
	flags.IntVar(&f.rendering.Side, "image-size", 0, "pictures: resize to so many pixels, bicubic; 0 leaves a pixel a pair of packets")
	flags.Float64Var(&f.rendering.Gamma, "gamma", 1, "pictures: power that numbers, from 0 to 1, are raised to before they are coloured")
	flags.BoolVar(&f.rendering.Stretch, "stretch", false, "pictures: colour each from its own least number to its greatest, as the original did; they cannot be inverted then")
	flags.StringVar(&f.group, "group", "", "--format png: a folder around the classes', as Youtube in Youtube/vid1/vid1_1.png")
}

// wanted reports whether pictures are asked for.
func (f *pictureFlags) wanted() bool { return f.format == "png" || f.rendering.Color != "" }

// apply adds the flags' rendering to r. Its errors are of usage.
func (f *pictureFlags) apply(c *cobra.Command, r dataset.Recipe) (dataset.Recipe, error) {
	p := f.rendering
	switch f.format {
	case "png":
		if p.Color == "" {
			p.Color = "jet"
		}
	case "npz":
		if f.group != "" {
			return r, errors.New("--group is for --format png")
		}
		if p.Color == "" {
			for _, name := range []string{"image-size", "gamma", "stretch"} {
				if c.Flags().Changed(name) {
					return r, fmt.Errorf("--%s is for pictures: give --format png or --color", name)
				}
			}
			return r, nil
		}
	default:
		return r, fmt.Errorf("--format %q: want npz or png", f.format)
	}
	if c.Flags().Changed("layout") {
		return r, errors.New("--layout is for images of numbers; the layout of pictures follows from --format")
	}
	if p.Gamma == 1 {
		p.Gamma = 0
	} else if p.Gamma == 0 {
		return r, errors.New("--gamma 0: want it above 0")
	}
	r.Rendering = &p
	if r.Record == dataset.Series {
		return r, p.Validate() // how long the series are, and their channels, is still unknown
	}
	_, err := dataset.NewEncoding(r)
	return r, err
}

// layout is how pictures lie in files.
func (f *pictureFlags) layout() dataset.Layout {
	if f.format == "png" {
		return dataset.Pictures
	}
	return dataset.Arrays
}

// printPictures describes the pictures.
func printPictures(w io.Writer, e *dataset.Encoding) {
	p := e.Rendering()
	size := p.Size(e.Size())
	how := "from -1 to 1"
	if p.Stretch {
		how = "each from its least number to its greatest"
	}
	if p.Gamma != 0 {
		how += fmt.Sprintf(", gamma %v", p.Gamma)
	}
	fmt.Fprintf(w, "  pictures    %d x %d pixels of %d channel(s), %s %s\n", size, size, p.Channels(), p.Color, how)
}

// printLoss prints what pictures lose of the packets.
func printLoss(w io.Writer, l *dataset.Loss) {
	if l == nil || l.Packets == 0 {
		return
	}
	n := float64(l.Packets)
	fmt.Fprintf(w, "  loss        %.1f %% of packets come back with their length; the mean error is %.2f bytes, the median %.0f, the largest %d\n",
		100*float64(l.Exact)/n, l.Mean, l.Median, l.Largest)
	if l.Turned > 0 {
		fmt.Fprintf(w, "              %.2f %% come back with the other direction\n", 100*float64(l.Turned)/n)
	}
}

// foreignFlags describe how images without a manifest were made.
type foreignFlags struct {
	scale, color, classFrom string
	unsigned                bool
	gamma                   float64
	length                  int
}

func (f *foreignFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.scale, "scale", "", "MIN,MAX of the lengths, bytes, for images without a manifest")
	flags.BoolVar(&f.unsigned, "unsigned", false, "with --scale: the images hold lengths without direction; all flows get DIR 0")
	flags.StringVar(&f.color, "color", "", "pictures without a manifest: how they were coloured, jet or gray (default: detected from their colours)")
	flags.Float64Var(&f.gamma, "gamma", 1, "pictures without a manifest: their gamma")
	flags.IntVar(&f.length, "length", 0, "pictures without a manifest: packets of a flow (default: as many as a side has pixels)")
	flags.StringVar(&f.classFrom, "class-from", string(dataset.FromLeaf), "files without a manifest: what names their class: leaf, the folder they lie in; first, the outermost; file, their names up to _")
}

// options are the flags'. Its errors are of usage.
func (f *foreignFlags) options() (o dataset.OpenOptions, err error) {
	r := &o.Recipe
	var channel dataset.Channel
	if o.ClassFrom, err = classFrom(f.classFrom); err != nil {
		return o, err
	}
	if f.unsigned {
		if f.scale == "" {
			return o, errors.New("--unsigned is for images without a manifest: give --scale as well")
		}
		channel.Feature = traffic.Length{}
	}
	if f.scale != "" {
		m, err := flowflags.ParseScale(f.scale)
		if err != nil {
			return o, err
		}
		channel.Codec = m
	}
	if channel.Feature != nil || channel.Codec != nil {
		r.Channels = []dataset.Channel{channel}
	}
	if f.length < 0 {
		return o, fmt.Errorf("--length %d: want 1 or more packets", f.length)
	}
	r.SeriesLength = f.length
	if f.color != "" || f.gamma != 1 {
		p := imaging.Rendering{Color: f.color, Gamma: f.gamma}
		if p.Color == "" || p.Gamma == 0 {
			return o, errors.New("--gamma goes with --color, and is above 0")
		}
		if p.Gamma == 1 {
			p.Gamma = 0
		}
		if err := p.Validate(); err != nil {
			return o, fmt.Errorf("--color: %w", err)
		}
		r.Rendering = &p
	}
	return o, nil
}

// classFrom reads the flag of that name.
func classFrom(word string) (dataset.ClassFrom, error) {
	all := []dataset.ClassFrom{dataset.FromLeaf, dataset.FromFirst, dataset.FromFile}
	if from := dataset.ClassFrom(word); slices.Contains(all, from) {
		return from, nil
	}
	return "", fmt.Errorf("--class-from %q: want one of %s", word, strings.Trim(fmt.Sprint(all), "[]"))
}

// openImages is dataset.Open for verbs with the flag --image-size.
func openImages(path string, o *dataset.OpenOptions) (*dataset.Set, error) {
	set, err := dataset.Open(path, o)
	if errors.Is(err, dataset.ErrSizes) {
		err = fmt.Errorf("%w: give it (--image-size)", err)
	}
	return set, err
}

// whyUnfitted returns an error that names the flags for images of an unknown
// encoding.
func whyUnfitted(path string, set *dataset.Set) error {
	if p := set.Encoding.Rendering(); p != nil && p.Color == "" {
		return fmt.Errorf("%s has no record of how its pictures were coloured, and their colours are neither gray nor all of the map jet: give --color, and --scale MIN,MAX", path)
	}
	return fmt.Errorf("%s has no manifest to take the scale from: give --scale MIN,MAX", path)
}

// gridEach is how many pictures of a class a grid of samples shows, a row a
// class.
const gridEach = 8

// saveGrid draws some of the pictures of every class of the set in dir, into a file beside them.
func saveGrid(dir string) error {
	parts, err := dataset.OpenParts(dir, nil)
	if err != nil {
		return err
	}
	var byClass []imaging.Images
	lacking := -1 // classes that have fewer pictures so far; -1 before the first part
	for set, err := range parts.All() {
		if err != nil {
			return err
		}
		if lacking < 0 {
			lacking = len(set.Classes)
			byClass = slices.Repeat([]imaging.Images{set.Images.Select(nil)}, lacking)
		}
		for i, label := range set.Labels {
			if of := &byClass[label]; of.N < gridEach {
				of.AppendPicture(set.Images.Picture(i))
				if of.N == gridEach {
					lacking--
				}
			}
		}
		if lacking == 0 {
			break
		}
	}
	var shown imaging.Images
	columns := 0
	for label, of := range byClass {
		if label == 0 {
			shown = of
		} else {
			for i := range of.N {
				shown.AppendPicture(of.Picture(i))
			}
		}
		columns = max(columns, of.N)
	}
	if shown.N == 0 {
		return nil
	}
	figure, err := plots.Grid(shown, 0, columns)
	if err != nil {
		return err
	}
	return plots.Save(filepath.Join(dir, dataset.GridName), figure)
}
