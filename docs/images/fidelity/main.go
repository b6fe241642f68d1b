// Fidelity draws docs/images/fidelity.png from the table of docs/fidelity.md, and
// docs/images/how-many-flows.png from that of docs/lab-book.md:
//
//	go run ./docs/images/fidelity
package main

import (
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

func main() {
	presets()
	sizes()
}

// presets draws how good the presets are.
func presets() {
	accuracy, err := plots.Dots(
		"Trained on 300 flows a class, tested on real ones",
		"accuracy of a random forest, higher is better",
		plots.Dot{Name: "preset default", Kind: plots.Synthetic, Values: around(0.903, 0.003)},
		plots.Dot{Name: "real flows", Kind: plots.Real, Values: around(0.897, 0.006)},
		plots.Dot{Name: "Markov, order 2", Values: around(0.884, 0.003)},
		plots.Dot{Name: "preset network", Kind: plots.Synthetic, Values: around(0.882, 0.006)},
		plots.Dot{Name: "preset quick", Kind: plots.Synthetic, Values: around(0.877, 0.004)},
		plots.Dot{Name: "Markov, order 1", Values: around(0.859, 0.011)},
		plots.Dot{Name: "independent", Values: around(0.528, 0.021)},
	)
	if err != nil {
		log.Fatal(err)
	}
	// Independent packets, 0.809, are left out: they would squeeze the others together.
	trigrams, err := plots.Dots(
		"Runs of three packets, against real test flows",
		"trigram JS, bits, lower is better",
		plots.Dot{Name: "real flows", Kind: plots.Real, Values: []float64{0.139}},
		plots.Dot{Name: "Markov, order 2", Values: []float64{0.143}},
		plots.Dot{Name: "preset default", Kind: plots.Synthetic, Values: []float64{0.154}},
		plots.Dot{Name: "preset network", Kind: plots.Synthetic, Values: []float64{0.156}},
		plots.Dot{Name: "preset quick", Kind: plots.Synthetic, Values: []float64{0.157}},
		plots.Dot{Name: "Markov, order 1", Values: []float64{0.164}},
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := plots.Save("docs/images/fidelity.png", plots.Above(accuracy, trigrams)); err != nil {
		log.Fatal(err)
	}
}

// sizes draws how many flows a network needs, at 32 packets.
func sizes() {
	flows := []float64{300, 1000, 3000, 7640, 26044}
	panel := func(title, y string, lines ...plots.Line) plots.Figure {
		for i := range lines {
			lines[i].X = flows[:len(lines[i].Y)]
		}
		f, err := plots.Chart{XLabel: "flows fitted to", YLabel: y, Window: 1, LogX: true}.Curve(title, lines...)
		if err != nil {
			log.Fatal(err)
		}
		return f
	}
	accuracy := panel("Trained on 300 flows a class, tested on real ones", "accuracy of a random forest",
		plots.Line{Name: "default", Y: []float64{0.591, 0.737, 0.837, 0.878, 0.890}},
		plots.Line{Name: "Markov 4", Y: []float64{0.598, 0.756, 0.848, 0.873, 0.873}},
		plots.Line{Name: "Markov 2", Y: []float64{0.590, 0.738, 0.819, 0.834, 0.835}},
		plots.Line{Name: "causal", Y: []float64{0.568, 0.719, 0.828, 0.863, 0.879}},
		plots.Line{Name: "real flows", Y: []float64{0.581, 0.749, 0.875, 0.890, 0.887}})
	detection := panel("How well a forest tells them from real flows", "AUC, 0.5 is guessing",
		plots.Line{Name: "default", Y: []float64{0.940, 0.790, 0.635, 0.550, 0.496}},
		plots.Line{Name: "Markov 4", Y: []float64{0.979, 0.822, 0.621, 0.560, 0.543}},
		plots.Line{Name: "Markov 2", Y: []float64{0.972, 0.814, 0.689, 0.640, 0.620}},
		plots.Line{Name: "causal", Y: []float64{0.905, 0.743, 0.605, 0.537, 0.524}})
	if err := plots.Save("docs/images/how-many-flows.png", plots.Above(accuracy, detection)); err != nil {
		log.Fatal(err)
	}
}

// around returns values with the given mean and, one standard deviation away on
// either side, the strokes of its spread.
func around(mean, sd float64) []float64 { return []float64{mean - sd, mean, mean + sd} }
