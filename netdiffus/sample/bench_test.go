package sample

import (
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
)

// BenchmarkDraw measures samples a second at the reference's flags, in batches
// of 64, for the ways of sampling that differ in their number of steps.
func BenchmarkDraw(b *testing.B) {
	dir, _ := newRun(b, netdiffus.Reference(), 10)
	g := open(b, dir, "")
	for _, c := range []struct {
		name string
		r    Request
	}{
		{"ddim-10", Request{Sampler: netdiffus.Samplers.Must("ddim"), Steps: "ddim10"}},
		{"ddim-25", Request{Sampler: netdiffus.Samplers.Must("ddim"), Steps: "ddim25"}},
		{"ancestral-100", Request{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() && c.r.Steps == "" {
				b.Skip("slow")
			}
			c.r.N, c.r.Batch = 32, 64
			shown := 0
			for _, err := range g.Steps(b.Context(), c.r) {
				if err != nil {
					b.Fatal(err)
				}
				if shown++; shown == 2 { // the first step compiled the program
					break
				}
			}
			for b.Loop() {
				if _, err := g.Draw(b.Context(), c.r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(2*c.r.N*b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
