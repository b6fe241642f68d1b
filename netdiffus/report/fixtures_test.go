package report

import (
	"fmt"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// flow is a flow of signed lengths.
func flow(label string, signed ...float64) traffic.Flow {
	f := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(signed))}
	traffic.SignedLength{}.Restore(signed, f.Packets)
	return f
}

// chatter is n flows each of so many classes: a class has its own first packet,
// its own answers to it, and its own number of packets.
func chatter(classes, n int, seed uint64) []traffic.Flow {
	var flows []traffic.Flow
	for c := range classes {
		rng := noise.Stream(seed, uint64(c))
		for range n {
			v := []float64{-float64(100 + 50*c), float64(500 + 20*c + 10*rng.IntN(4))}
			for len(v) < 3+rng.IntN(3+c%3) {
				v = append(v, v[1]-float64(100*rng.IntN(3)))
			}
			flows = append(flows, flow(fmt.Sprintf("class%d", c), v...))
		}
	}
	return flows
}

func small() Options {
	return Options{PerClass: []int{20, 40}, Seeds: 2, SeriesLength: 6, Trees: 20}
}

// clocked sets the flows' times: those of packets up are a hundred times those of
// packets down, and all are multiplied by stretch.
func clocked(flows []traffic.Flow, stretch float64, seed uint64) []traffic.Flow {
	rng := noise.Stream(seed, 99)
	for i := range flows {
		flows[i].Timed = true
		for j := range flows[i].Packets {
			p := &flows[i].Packets[j]
			if p.IAT = 0; j == 0 {
				continue
			}
			p.IAT = stretch * 1000 * math.Exp(rng.NormFloat64())
			if p.Dir == traffic.Up {
				p.IAT *= 100
			}
		}
	}
	return flows
}
