package report

import (
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Images says how the synthetic images are, where there are images.
type Images struct {
	Images       int    `json:"images"`
	Kind         string `json:"kind"`
	Consistency  number `json:"inconsistency"` // mean |pixel − what the diagonal implies|; null where the kind has none
	Holes        number `json:"holes"`         // share of images with a packet behind padding
	Empty        int    `json:"empty"`         // images of nothing but padding
	CodecDecodes string `json:"codec"`
}

// A look is what an image shows that the flow read off it does not: its
// inconsistency, and 1 where a packet stands behind padding, else 0. Either is
// NaN where the kind of image does not tell.
const (
	lookInconsistency = iota
	lookHole
)

// images looks at the synthetic images before the codec tidies them up, and
// keeps the looks in the order of the synthetic flows.
func (e *evaluation) images(s Synthetic) *Images {
	if s.Set == nil {
		return nil
	}
	r := s.Set.Recipe
	looks := lookAt(s.Set)
	out := &Images{
		Images: len(looks), Kind: r.Image.Name(), CodecDecodes: r.Codec.Name(),
		Consistency: number(meanLook(looks, lookInconsistency)), Holes: number(meanLook(looks, lookHole)),
	}
	e.looks = make(sample, len(e.classes))
	for i, f := range s.Flows {
		if len(packets(e.row(f))) == 0 {
			out.Empty++
		} else if c, known := slices.BinarySearch(e.classes, f.Label); known {
			e.looks[c] = append(e.looks[c], looks[i])
		}
	}
	return out
}

// lookAt returns a look for each image.
func lookAt(set *dataset.Set) [][]float64 {
	r := set.Recipe
	lengths, codec := r.LengthChannel()
	gasf, consistent := r.Image.(imaging.GASF)
	inverter, inverts := r.Image.(imaging.Inverter)
	padding, u := paddingOf(codec), make([]float64, r.Length)
	var planes []imaging.Images
	for c := range set.Images.C {
		planes = append(planes, set.Images.Plane(c))
	}
	looks := make([][]float64, set.Len())
	for i := range looks {
		look := []float64{math.NaN(), math.NaN()}
		if consistent {
			look[lookInconsistency] = 0
			for _, plane := range planes {
				look[lookInconsistency] += gasf.Consistency(plane.At(i), set.Images.H) / float64(len(planes))
			}
		}
		if inverts {
			inverter.Decode(planes[lengths].At(i), u)
			look[lookHole] = oneIf(hole(padding(set.Classes[set.Labels[i]], u)))
		}
		looks[i] = look
	}
	return looks
}

// drawnLooks are the looks of what a source drew: those of the very images that
// the flows were read off, or of images made of them by the same recipe. Flows
// that the recipe cannot hold have no image. nil where there are no images.
func (e *evaluation) drawnLooks(source string, drawn sample, n []int, seed uint64) sample {
	switch {
	case e.looks == nil:
		return nil
	case source == Synthesised:
		return e.subset(e.looks, source)(n, seed) // the same draw
	}
	channel, codec := e.set.Recipe.LengthChannel()
	feature := e.set.Recipe.Channels()[channel].Feature
	gasf, consistent := e.set.Recipe.Image.(imaging.GASF)
	x, side := make([]float64, e.set.Recipe.Length), e.set.Recipe.Image.Size(e.set.Recipe.Length)
	img := make([]float64, side*side)
	out := make(sample, len(drawn))
	for c, rows := range drawn {
		for _, row := range rows {
			look := []float64{math.NaN(), oneIf(hole(paddingIn(row)))}
			if consistent && codec.Encode(e.classes[c], feature.Values(packetsAt(row, len(x))), x) == nil {
				gasf.Encode(x, img)
				look[lookInconsistency] = gasf.Consistency(img, side)
			}
			out[c] = append(out[c], look)
		}
	}
	return out
}

// packetsAt are the row's packets in their places, those of 0 bytes included,
// without the padding at the end; at most n.
func packetsAt(row []float64, n int) []traffic.Packet {
	row = row[:min(n, len(row))]
	for len(row) > 0 && row[len(row)-1] == 0 {
		row = row[:len(row)-1]
	}
	p := make([]traffic.Packet, len(row))
	traffic.SignedLength{}.Restore(row, p)
	return p
}

// paddingIn tells which places of a row are padding.
func paddingIn(row []float64) []bool {
	out := make([]bool, len(row))
	for j, v := range row {
		out[j] = v == 0
	}
	return out
}

// meanLook is the mean over the looks that tell; NaN of none.
func meanLook(looks [][]float64, which int) float64 {
	s := Spread{}
	for _, look := range looks {
		s.add(look[which])
	}
	return s.Mean()
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
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
