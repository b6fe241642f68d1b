package netdiffus

import (
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// renderer reads the diagonals of an image's channels and draws the images of codes;
// where there is no image but the series itself (imaging.Series), its rows.
type renderer struct {
	width, channels  int
	step             int // between two places of a diagonal, in pixels
	encoder          imaging.Encoder
	diagonals, codes [][]float64 // by channel and place
	plane            []float64   // one channel of an image
}

func newRenderer(m imaging.Images) *renderer {
	r := &renderer{width: m.W, channels: m.C, step: m.W + 1, encoder: imaging.GASF{}, plane: make([]float64, m.H*m.W)}
	if m.H == 1 {
		r.step, r.encoder = 1, imaging.Series{}
	}
	for range m.C {
		r.diagonals = append(r.diagonals, make([]float64, m.W))
		r.codes = append(r.codes, make([]float64, m.W))
	}
	return r
}

func (r *renderer) read(image []float64) {
	for c, diagonal := range r.diagonals {
		for j := range diagonal {
			diagonal[j] = image[j*r.step*r.channels+c]
		}
	}
}

// codesOf returns the codes that the diagonals of image are of.
func (r *renderer) codesOf(image []float64) [][]float64 {
	r.read(image)
	codes := make([][]float64, len(r.diagonals))
	for c, diagonal := range r.diagonals {
		codes[c] = make([]float64, len(diagonal))
		for j, v := range diagonal {
			codes[c][j] = math.Sqrt(max(0, (1+v)/2))
		}
	}
	return codes
}

func (r *renderer) write(image []float64) {
	for c, codes := range r.codes {
		r.encoder.Encode(codes, r.plane)
		imaging.SetChannel(image, r.plane, c, r.channels)
	}
}

// eachImage calls do for every one of images, by several goroutines, each with a
// renderer of its own, until one returns an error, which it returns.
func eachImage(images imaging.Images, do func(r *renderer, i int) error) error {
	jobs := make(chan int, images.N)
	for i := range images.N {
		jobs <- i
	}
	close(jobs)
	var workers errgroup.Group
	for range min(images.N, runtime.GOMAXPROCS(0)) {
		workers.Go(func() error {
			r := newRenderer(images)
			for i := range jobs {
				if err := do(r, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return workers.Wait()
}
