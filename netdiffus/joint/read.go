package joint

import (
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Read reads each GASF image's series from its diagonal, and returns them by class: an atom
// for each place and channel. labels are the images' classes, indices into classes.
func Read(channels []*codec.Atoms, classes []string, images imaging.Images, labels []int) []Series {
	levels := make([][][][]float64, len(classes)) // by class, channel and place
	for c, class := range classes {
		for _, a := range channels {
			levels[c] = append(levels[c], levelsOf(a, class))
		}
	}
	all := make([]Series, len(classes))
	for i, label := range labels {
		image := images.At(i)
		flow := make([][]int32, len(channels))
		for k := range channels {
			flow[k] = make([]int32, images.W)
			for j := range flow[k] {
				flow[k][j] = int32(codec.Nearest(levels[label][k][j], image[(j*images.W+j)*images.C+k]))
			}
		}
		all[label] = append(all[label], flow)
	}
	return all
}

// Values are the values of the series of the first channel, by class, as far as they
// go before padding.
func Values(a *codec.Atoms, classes []string, series []Series) [][][]float64 {
	all := make([][][]float64, len(classes))
	for c, class := range classes {
		tables := a.Tables[class]
		for _, flow := range series[c] {
			var v []float64
			for j, atom := range flow[0] {
				if int(atom) == len(tables[j].Values) {
					break
				}
				v = append(v, tables[j].Values[atom])
			}
			all[c] = append(all[c], v)
		}
	}
	return all
}

// levelsOf is 2u − 1 of the atoms of each place of a class: what the diagonal shows.
func levelsOf(a *codec.Atoms, class string) [][]float64 {
	var levels [][]float64
	for _, t := range a.Tables[class] {
		level, _ := shown(t, a.TauOrDefault())
		levels = append(levels, level)
	}
	return levels
}
