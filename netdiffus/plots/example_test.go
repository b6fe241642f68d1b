package plots_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

func ExampleAxis_Histogram() {
	real := []float64{52, 517, 1448, 1448, 1448}
	synthetic := []float64{60, 500, 700, 1400, 1448}
	axis := plots.Axis{Label: "payload length (bytes)"}
	figure, err := axis.Histogram(plots.Pair{Title: "Payload length", Real: real, Synthetic: synthetic})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	fmt.Println(plots.Save(filepath.Join(dir, "lengths.svg"), figure))
	// Output: <nil>
}

func ExampleGrid() {
	images := imaging.New(0, 3, 3, 1)
	for _, series := range [][]float64{{0, 0.5, 1}, {1, 1, 0}} {
		img := make([]float64, 9)
		imaging.GASF{}.Encode(series, img)
		images.Append(img)
	}
	figure, err := plots.Grid(images, 2, 2)
	fmt.Println(figure.Image().Bounds().Max, err)
	// Output: (415,208) <nil>
}

// Figures combine to a page, which is a figure.
func ExampleBeside() {
	lengths := plots.Axis{Label: "payload length (bytes)", Bins: 10}
	directions := plots.Axis{Label: "direction", Categories: []plots.Category{{Value: 0, Name: "up"}, {Value: 1, Name: "down"}}}
	a, err1 := lengths.Histogram(plots.Pair{Title: "PL", Real: []float64{52, 517}, Synthetic: []float64{60}})
	b, err2 := directions.Histogram(plots.Pair{Title: "DIR", Real: []float64{0, 1}, Synthetic: []float64{1}})
	page := plots.Beside(a, b)
	fmt.Println(page.Width == a.Width+b.Width, page.Height == a.Height, err1, err2)
	// Output: true true <nil> <nil>
}
