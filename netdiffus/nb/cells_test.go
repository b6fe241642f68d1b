//go:build unix

package nb_test

import (
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nb"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

// cells are what a notebook's cells may be; runCell runs them by name.
var cells = map[string]func(){
	"plot": func() {
		fmt.Println("before")
		nb.Plot(nb.Must1(plots.Axis{Label: "bytes"}.Histogram(plots.Pair{Title: "Payload length", Real: []float64{1, 2, 3}, Synthetic: []float64{2, 3, 5}})))
		fmt.Println("after")
	},
	"image": func() {
		nb.Image(image.NewGray(image.Rect(0, 0, 10, 10)), "a flow's image")
		nb.Markdown("**bold** and $x^2$")
	},
	"table": func() {
		nb.Table([]string{"class", "flows", "error", "accuracy", "lengths"}, [][]any{
			{"web <b>", 120, 0.123456, "0.88 ± 0.01", "52 1448"},
			{"mail", 7, math.NaN(), "90 %", 7},
			{"dns", 1448, 12345.678, "", "−40 30"},
		})
	},
	"live": func() {
		live := nb.NewLive("Training", plots.Losses())
		defer live.Close()
		begun := time.Now()
		live.Add("loss", 1, 1)
		pause := max(5*time.Millisecond, time.Since(begun)/10) // a drawing takes long on a busy machine
		for i := 1; i < 300; i++ {
			live.Add("loss", i+1, 1/float64(i+1))
			live.Add("bound", i+1, math.NaN())
			time.Sleep(pause)
		}
		live.Add("late", 300, 0.5)
		images := imaging.New(4, 10, 10, 1)
		live.Show("samples", nb.Must1(plots.Grid(images, 4, 2)))
	},
	"resumed live": func() {
		live := nb.NewLive("Training", plots.Losses())
		defer live.Close()
		live.Begin("loss", []float64{10, 20, 30}, []float64{3, 2, 1})
		live.Begin("none", nil, nil)
		live.Add("loss", 20, 1.5) // from a checkpoint after step 19
	},
	"failing live": func() {
		live := nb.NewLive("Training", plots.Losses())
		defer live.Close()
		live.Add("loss", 1, 1)
		live.Add("loss", 2, 0.5)
		nb.Must(errors.New("disk full"))
	},
	"progress": func() {
		p := nb.NewProgress("drawing", 0)
		defer p.Close()
		p.Note("compiling")
		for i := range 2000 {
			p.Update(i+1, 2000)
			time.Sleep(500 * time.Microsecond)
		}
	},
	"check": func() {
		nb.Check(1+1 == 2, "one and one are %d", 2)
		nb.Near("mean error", 4.41, 4.4, 0.1)
		nb.Near("mean error", 5, 4.4, 0.1)
		fmt.Println("not reached")
	},
	"smoke": func() { fmt.Println(nb.Pick(2000, 60), nb.Smoke()) },
	"interrupted": func() {
		ctx := nb.Context()
		syscall.Kill(os.Getpid(), syscall.SIGINT)
		<-ctx.Done()
		nb.Must(fmt.Errorf("train: stopped after step 7: %w", ctx.Err()))
	},
}
