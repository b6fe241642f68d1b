// Fidelity draws docs/images/fidelity.png from the table of docs/fidelity.md:
//
//	go run ./docs/images/fidelity
package main

import (
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

func main() {
	accuracy, err := plots.Dots(
		"Trained on 300 flows a class, tested on real ones",
		"accuracy of a random forest, higher is better",
		plots.Dot{Name: "real flows", Kind: plots.Real, Values: around(0.897, 0.005)},
		plots.Dot{Name: "preset default", Kind: plots.Synthetic, Values: around(0.887, 0.007)},
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
		plots.Dot{Name: "preset network", Kind: plots.Synthetic, Values: []float64{0.156}},
		plots.Dot{Name: "preset quick", Kind: plots.Synthetic, Values: []float64{0.157}},
		plots.Dot{Name: "preset default", Kind: plots.Synthetic, Values: []float64{0.158}},
		plots.Dot{Name: "Markov, order 1", Values: []float64{0.164}},
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := plots.Save("docs/images/fidelity.png", plots.Above(accuracy, trigrams)); err != nil {
		log.Fatal(err)
	}
}

// around returns values with the given mean and, one standard deviation away on
// either side, the strokes of its spread.
func around(mean, sd float64) []float64 { return []float64{mean - sd, mean, mean + sd} }
