package flowflags

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Recipe are the flags of how flows become images.
type Recipe struct {
	Length       int
	Features     []string
	TimeBins     int
	Codec, Image string
	Bins         int
	Eps          float64
	Scale        string
	Low          float64
	Atoms        codec.Atoms
}

// Register adds the flags.
func (f *Recipe) Register(flags *pflag.FlagSet) {
	flags.IntVar(&f.Length, "length", 10, "packets a flow: longer ones are cut, shorter ones padded")
	flags.StringSliceVar(&f.Features, "features", []string{traffic.SignedLength{}.Name()}, "features of a packet, a channel of the image each: "+strings.Join(traffic.FeatureNames(), ", "))
	flags.StringVar(&f.Codec, "codec", "minmax", "how lengths, or a series' values, become numbers in [0,1]: "+strings.Join(codec.Names(), ", "))
	flags.StringVar(&f.Image, "image", "gasf", "kind of image: "+strings.Join(imaging.Names(), ", ")+"; only gasf can be inverted")
	flags.IntVar(&f.Bins, "bins", 0, "bins of --image mtf (default: 5)")
	flags.Float64Var(&f.Eps, "eps", 0, "distance up to which values recur in --image recurrence; 0 draws the distances")
	flags.StringVar(&f.Scale, "scale", "", "MIN,MAX of the signed lengths, bytes (default: as the flows have them)")
	flags.Float64Var(&f.Low, "low", 0, "number of the shortest length, below 1; 0 is the reference's scale, 0.1 is exact in float32 for any length")
	flags.Float64Var(&f.Atoms.Tau, "tau", 0, "--codec atoms: how much room a value gets for being frequent, above 0 up to 1 (default 0.5)")
	flags.IntVar(&f.TimeBins, "time-bins", joint.TimeBins, "--codec atoms: inter-arrival times become at most so many values, at their class and place")
	flags.IntVar(&f.Atoms.MinCount, "min-count", 0, "--codec atoms: merge values seen fewer times, at their class and place, into the nearest kept: every value is then had by so many flows. No guarantee for whole flows (docs/privacy.md)")
	flags.IntVar(&f.Atoms.Novel, "novel", defaultNovel, "--codec atoms: for each value seen fewer times, at its class and place, add a value near it that was not seen, for samples to use; 0 adds none")
	flags.Float64Var(&f.Atoms.Smooth, "smooth", 0, "--codec atoms: weight in [0,1) of the class's values from other places, which may then appear where they were not seen")
}

// defaultNovel is the codec's setting that the default preset's model is made for.
var defaultNovel = netdiffus.Chain{}.Codec().(*codec.Atoms).Novel

// Recipe makes the recipe for flows that the flags describe. Its errors are of usage.
func (f Recipe) Recipe() (dataset.Recipe, error) {
	r := dataset.Recipe{SeriesLength: f.Length}
	if f.Length < 1 {
		return r, fmt.Errorf("--length %d: want 1 or more packets", f.Length)
	}
	var err error
	if r.Image, err = f.Encoder(); err != nil {
		return r, err
	}
	lengths, err := f.ValueCodec()
	if err != nil {
		return r, err
	}
	r.Channels, err = f.channels(lengths)
	if err != nil {
		return r, err
	}
	if _, err := dataset.NewEncoding(r); err != nil {
		return r, fmt.Errorf("--features: %w", err)
	}
	return r, nil
}

// ValueCodec returns the codec that the flags describe. One that is registered
// elsewhere has no flags: it is taken as it is.
func (f Recipe) ValueCodec() (codec.Codec, error) {
	c, err := codec.Named(f.Codec)
	if err != nil {
		return nil, fmt.Errorf("--codec: %w", err)
	}
	_, isAtoms := c.(*codec.Atoms)
	_, isMinMax := c.(codec.MinMax)
	switch a := f.Atoms; {
	case !isMinMax && (f.Scale != "" || f.Low != 0):
		return nil, fmt.Errorf("--scale and --low are for --codec minmax, not %s", f.Codec)
	case !isAtoms && (a.Tau != 0 || a.MinCount != 0 || a.Smooth != 0):
		return nil, fmt.Errorf("--tau, --min-count and --smooth are for --codec atoms, not %s", f.Codec)
	case isAtoms:
		return &a, f.checkAtoms()
	case isMinMax:
		return f.minMax()
	}
	return c, nil
}

// checkAtoms checks the flags of --codec atoms.
func (f Recipe) checkAtoms() error {
	switch a := f.Atoms; {
	case !(a.Tau >= 0 && a.Tau <= 1):
		return fmt.Errorf("--tau %v: want it above 0, up to 1", a.Tau)
	case a.Novel < 0:
		return fmt.Errorf("--novel %d: want 0 or more", a.Novel)
	case a.MinCount < 0:
		return fmt.Errorf("--min-count %d: want 0 or more", a.MinCount)
	case !(a.Smooth >= 0 && a.Smooth < 1):
		return fmt.Errorf("--smooth %v: want 0 or more, below 1", a.Smooth)
	}
	return nil
}

// minMax returns the codec of --codec minmax.
func (f Recipe) minMax() (m codec.MinMax, err error) {
	if f.Scale != "" {
		if m, err = ParseScale(f.Scale); err != nil {
			return m, err
		}
	}
	if m.Low = f.Low; !(m.Low >= 0 && m.Low < 1) {
		return m, fmt.Errorf("--low %v: want 0 or more, below 1", f.Low)
	}
	return m, nil
}

// Encoder is the kind of image that the flags describe.
func (f Recipe) Encoder() (imaging.Encoder, error) {
	e, err := imaging.Named(f.Image)
	if err != nil {
		return nil, fmt.Errorf("--image: %w", err)
	}
	mtf, isMTF := e.(imaging.MTF)
	recurrence, isRecurrence := e.(imaging.Recurrence)
	switch {
	case f.Bins != 0 && !isMTF:
		return nil, errors.New("--bins is for --image mtf")
	case f.Eps != 0 && !isRecurrence:
		return nil, errors.New("--eps is for --image recurrence")
	case f.Bins < 0 || f.Bins == 1:
		return nil, fmt.Errorf("--bins %d: want 2 or more", f.Bins)
	case !(f.Eps >= 0 && f.Eps <= 1):
		return nil, fmt.Errorf("--eps %v: want one in [0,1]", f.Eps)
	case isMTF:
		mtf.Bins = f.Bins
		return mtf, nil
	case isRecurrence:
		recurrence.Eps = f.Eps
		return recurrence, nil
	}
	return e, nil
}

// channels are the image's, one for each of the flag's features. Lengths have the
// codec that the other flags describe, the others one of the same kind that suits
// them.
func (f Recipe) channels(lengths codec.Codec) ([]dataset.Channel, error) {
	if f.TimeBins < 2 {
		return nil, fmt.Errorf("--time-bins %d: want 2 or more", f.TimeBins)
	}
	if len(f.Features) == 0 {
		return nil, fmt.Errorf("--features is empty: want some of %v", traffic.FeatureNames())
	}
	_, atoms := lengths.(*codec.Atoms)
	var channels []dataset.Channel
	for _, name := range f.Features {
		feature, err := traffic.FeatureNamed(name)
		if err != nil {
			return nil, fmt.Errorf("--features: %w", err)
		}
		c := dataset.Channel{Feature: feature} // by default with the feature's own codec
		switch {
		case feature.Fields().Has(traffic.FieldLength):
			c.Codec = lengths
		case atoms:
			c.Codec = f.atomsFor(traffic.ScaleOf(feature))
		}
		channels = append(channels, c)
	}
	return channels, nil
}

// atomsFor returns the codec of atoms for values on a scale other than that of
// lengths.
func (f Recipe) atomsFor(scale traffic.Scale) *codec.Atoms {
	a := &codec.Atoms{Tau: f.Atoms.Tau}
	if scale.Log {
		a.Bins = f.TimeBins
	}
	if scale.Min == scale.Max { // any number of values, rare ones among them
		a.MinCount = f.Atoms.MinCount
	}
	return a
}

// ParseScale reads MIN,MAX.
func ParseScale(s string) (codec.MinMax, error) {
	low, high, ok := strings.Cut(s, ",")
	lowest, err1 := strconv.ParseFloat(strings.TrimSpace(low), 64)
	highest, err2 := strconv.ParseFloat(strings.TrimSpace(high), 64)
	m := codec.MinMax{Min: lowest, Max: highest}
	if !ok || errors.Join(err1, err2) != nil || !(lowest < highest) {
		return m, fmt.Errorf("--scale %q: want MIN,MAX, such as -1460,1460", s)
	}
	return m, nil
}
