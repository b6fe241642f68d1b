package report

import (
	"fmt"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// images describes the synthetic images.
type images struct {
	Images        int    `json:"images"`
	Kind          string `json:"kind"`
	Inconsistency number `json:"inconsistency"` // mean |pixel − what the diagonal implies|; null where the kind has none
	Holes         number `json:"holes"`         // share of images with a packet behind padding
	Empty         int    `json:"empty"`         // images of nothing but padding
	Codec         string `json:"codec"`
}

// imageCheck is what an image shows that the flow read from it does not. Either is
// NaN where the kind of image does not show it.
type imageCheck struct {
	inconsistency float64
	hole          float64 // 1 where a packet is behind padding, else 0
}

// checkImages checks the images before the codec cuts flows at padding: a check for
// each, in the order of the flows.
func (e *evaluation) checkImages(s Traffic) error {
	if s.Set == nil {
		return nil
	}
	if s.Set.Len() != len(s.Flows) {
		return fmt.Errorf("report: %d flows of %d images: want as many", len(s.Flows), s.Set.Len())
	}
	plain, _, err := s.Set.Plain()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	e.set, e.images, e.checks = plain, newImageMaker(plain.Encoding), checkSet(plain)
	return nil
}

// describeImages sums up the checks of the synthetic images.
func (e *evaluation) describeImages() *images {
	if e.set == nil {
		return nil
	}
	var inconsistency, hole Spread
	for _, c := range e.checks {
		inconsistency.add(c.inconsistency)
		hole.add(c.hole)
	}
	out := &images{
		Images: e.set.Len(), Kind: e.set.Encoding.Image().Name(), Codec: e.set.Encoding.Channels()[0].Codec.Name(),
		Inconsistency: number(inconsistency.Mean()), Holes: number(hole.Mean()),
	}
	out.Empty = e.empty
	return out
}

// checkSet returns a check for each image.
func checkSet(set *dataset.Set) []imageCheck {
	lengthChannel, channel := set.Encoding.LengthChannel()
	gasf, consistent := set.Encoding.Image().(imaging.GASF)
	inverter, inverts := set.Encoding.Image().(imaging.Inverter)
	padding, u := paddingOf(channel.Codec), make([]float64, set.Encoding.SeriesLength())
	var planes []imaging.Images
	for c := range set.Images.C {
		planes = append(planes, set.Images.Plane(c))
	}
	checks := make([]imageCheck, set.Len())
	for i := range checks {
		check := imageCheck{math.NaN(), math.NaN()}
		if consistent {
			check.inconsistency = 0
			for _, plane := range planes {
				check.inconsistency += gasf.Consistency(plane.At(i), set.Images.H) / float64(len(planes))
			}
		}
		if inverts {
			inverter.Decode(planes[lengthChannel].At(i), u)
			check.hole = oneIf(hole(padding(set.Classes[set.Labels[i]], u)))
		}
		checks[i] = check
	}
	return checks
}

// imageMaker makes images of flows that have none, by the recipe of the synthetic
// images, to check them in the same way.
type imageMaker struct {
	gasf       imaging.GASF
	consistent bool // the recipe's images are GASF
	feature    traffic.Feature
	codec      codec.Codec
	length     int // places of a series
	side       int // of an image
}

func newImageMaker(e *dataset.Encoding) *imageMaker {
	_, channel := e.LengthChannel()
	m := &imageMaker{feature: channel.Feature, codec: channel.Codec, length: e.SeriesLength(), side: e.Size()}
	m.gasf, m.consistent = e.Image().(imaging.GASF)
	return m
}

// check is that of the series' image, or of one that is made for it. Flows that the
// recipe cannot hold have no image.
func (m *imageMaker) check(class string, s record) imageCheck {
	if s.image != nil {
		return *s.image
	}
	check := imageCheck{math.NaN(), oneIf(hole(paddingIn(s.values)))}
	values, image := make([]float64, m.length), make([]float64, m.side*m.side)
	if m.consistent && m.codec.Encode(class, m.feature.Values(packetsInPlace(s.values, len(values))), values) == nil {
		m.gasf.Encode(values, image)
		check.inconsistency = m.gasf.Consistency(image, m.side)
	}
	return check
}

// meanCheck is the mean over the images that show it; NaN of none.
func meanCheck(c classDraw, of func(imageCheck) float64) float64 {
	var s Spread
	for _, one := range c.drawn {
		s.add(of(c.images.check(c.classes[c.class], one)))
	}
	return s.Mean()
}

func inconsistency(c classDraw) float64 {
	return meanCheck(c, func(i imageCheck) float64 { return i.inconsistency })
}

func holes(c classDraw) float64 {
	return meanCheck(c, func(i imageCheck) float64 { return i.hole })
}

// packetsInPlace are the packets of the first n places, those of 0 bytes included,
// without the padding at the end.
func packetsInPlace(signed []float64, n int) []traffic.Packet {
	signed = signed[:min(n, len(signed))]
	for len(signed) > 0 && signed[len(signed)-1] == 0 {
		signed = signed[:len(signed)-1]
	}
	p := make([]traffic.Packet, len(signed))
	traffic.SignedLength{}.Restore(signed, p)
	return p
}

// paddingIn reports for each place whether it is padding.
func paddingIn(signed []float64) []bool {
	out := make([]bool, len(signed))
	for j, v := range signed {
		out[j] = v == 0
	}
	return out
}

// hole reports whether something is behind padding.
func hole(padding []bool) bool {
	for j := 1; j < len(padding); j++ {
		if padding[j-1] && !padding[j] {
			return true
		}
	}
	return false
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// paddingOf returns a function that reports for each place of an image's series
// whether it is padding, before anything is cut off behind the first.
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
