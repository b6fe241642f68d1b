package report

import (
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// imagesEach is how many images of a class and side are shown.
const imagesEach = 6

// drawImages shows synthetic images and those of test flows, made by the same
// recipe.
func (r *Report) drawImages() (plots.Figure, error) {
	set := r.e.set
	if set == nil || set.Len() == 0 {
		return plots.Figure{}, errNothing
	}
	var rows []plots.Row
	for _, label := range set.Classes {
		row := plots.Row{Name: label, Real: r.testImages(label), Synthetic: set.OfClass(label, imagesEach).Images.Plane(0)}
		if row.Synthetic.N > 0 {
			rows = append(rows, row)
		}
	}
	return plots.Compare("Images of real test flows and synthetic ones", imagesEach, rows...)
}

// testImages are the first channel's images of the first test flows of a class.
func (r *Report) testImages(label string) imaging.Images {
	encoding, size := r.e.set.Encoding, r.e.set.Images
	channel := encoding.Channels()[0]
	images, x := imaging.New(0, size.H, size.W, 1), make([]float64, encoding.SeriesLength())
	for _, f := range r.e.testFlows[label] {
		if images.N == imagesEach {
			break
		}
		if channel.Codec.Encode(label, channel.Feature.Values(firstPackets(f, len(x))), x) != nil {
			continue // a value that the codec, fitted to the training flows, cannot hold
		}
		img := make([]float64, images.H*images.W)
		encoding.Image().Encode(x, img)
		images.Append(img)
	}
	return images
}

func firstPackets(f traffic.Flow, n int) []traffic.Packet { return f.Packets[:min(len(f.Packets), n)] }
