package report

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Synthetic is the traffic that is judged.
type Synthetic struct {
	Flows    []traffic.Flow
	Set      *dataset.Set // the images that the flows are from; nil without
	Unsigned bool         // the flows have no directions
}

// OpenSynthetic reads synthetic traffic: a file of flows, or images, with their
// padding as packets of 0 bytes that keep their place. Images without a manifest need the
// recipe that they were made by, the zero Recipe otherwise.
func OpenSynthetic(path string, r dataset.Recipe) (Synthetic, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Synthetic{}, err
	}
	if !info.IsDir() && filepath.Ext(path) != ".npz" {
		flows, err := traffic.Collect(traffic.Read(path))
		return Synthetic{Flows: flows}, err
	}
	set, err := dataset.OpenAs(path, r)
	if err != nil {
		return Synthetic{}, err
	}
	if !set.Fitted() {
		return Synthetic{}, fmt.Errorf("report: %s has no manifest to take the scale from: give it (--scale MIN,MAX)", path)
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err == nil {
		set, _, err = set.Plain()
	}
	if err != nil {
		return Synthetic{}, fmt.Errorf("report: %s: %w", path, err)
	}
	return Synthetic{flows, set, !set.Recipe.Directed()}, nil
}

// Describe records where data are from: a file, or a folder by its manifest.
func Describe(role, path string) (Input, error) {
	at := path
	info, err := os.Stat(path)
	if err != nil {
		return Input{}, err
	}
	if info.IsDir() {
		at = filepath.Join(path, "manifest.json")
	}
	hashed, err := dataset.Hash(at)
	if errors.Is(err, fs.ErrNotExist) {
		return Input{Role: role, Path: path}, nil // the reference's folders have none
	}
	return Input{role, path, hashed}, err
}

// images looks at the synthetic images before the codec tidies them up.
func (e *evaluation) images(s Synthetic) *Images {
	if s.Set == nil {
		return nil
	}
	r := s.Set.Recipe
	out := &Images{Images: s.Set.Len(), Kind: r.Image.Name(), CodecDecodes: r.Codec.Name(), Consistency: number(math.NaN()), Holes: number(math.NaN())}
	for _, f := range s.Flows {
		if len(packets(e.row(f))) == 0 {
			out.Empty++
		}
	}
	if gasf, ok := r.Image.(imaging.GASF); ok {
		out.Consistency = number(gasf.MeanConsistency(s.Set.Images))
	}
	inverter, ok := r.Image.(imaging.Inverter)
	if !ok {
		return out
	}
	lengths, codec := r.LengthChannel()
	padding, planes := paddingOf(codec), s.Set.Images.Plane(lengths)
	holes, u := 0, make([]float64, r.Length)
	for i := range out.Images {
		inverter.Decode(planes.At(i), u)
		if hole(padding(s.Set.Classes[s.Set.Labels[i]], u)) {
			holes++
		}
	}
	out.Holes = number(float64(holes) / float64(out.Images))
	return out
}

// paddingOf returns what tells the places of an image's series that are padding,
// before anything is cut off behind the first.
func paddingOf(c codec.Codec) func(class string, u []float64) []bool {
	atoms, ok := c.(*codec.Atoms)
	if !ok {
		return func(class string, u []float64) []bool {
			out := make([]bool, len(u))
			for j, v := range c.Decode(class, u) {
				out[j] = v > -0.5 && v < 0.5 // rounds to 0 bytes
			}
			return out
		}
	}
	middles := map[string][][]float64{}
	for class, tables := range atoms.Tables {
		for _, t := range tables {
			middles[class] = append(middles[class], t.Middles(atoms.TauOrDefault()))
		}
	}
	return func(class string, u []float64) []bool {
		out := make([]bool, len(u))
		for j, t := range atoms.Tables[class] {
			out[j] = t.Padding > 0 && nearestIndex(middles[class][j], u[j]*u[j]) == len(t.Values)
		}
		return out
	}
}

func nearestIndex(numbers []float64, v float64) int {
	best := 0
	for i, n := range numbers {
		if math.Abs(n-v) < math.Abs(numbers[best]-v) {
			best = i
		}
	}
	return best
}

// hole tells whether something stands behind padding.
func hole(padding []bool) bool {
	for j := 1; j < len(padding); j++ {
		if padding[j-1] && !padding[j] {
			return true
		}
	}
	return false
}
