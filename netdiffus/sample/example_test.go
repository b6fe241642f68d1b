package sample_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// Samples of a run that train made, here in three steps, come as a data set, which is
// saved like any other and decoded into flows.
func ExampleGenerator_Draw() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	device, err := backend.Open(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	run := filepath.Join(dir, "run")
	for _, err := range train.Run(ctx, device, config(), flows(), train.Options{Dir: run, Steps: 3}) {
		if err != nil {
			log.Fatal(err)
		}
	}

	g, err := sample.Open(device, run)
	if err != nil {
		log.Fatal(err)
	}
	set, err := g.Draw(ctx, sample.Request{N: 5, Classes: []string{"ask"}, Steps: "4", Sampler: netdiffus.Samplers.Must("ddim")})
	if err != nil {
		log.Fatal(err)
	}
	if err := set.Save(filepath.Join(dir, "drawn"), &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Len(), "images of", set.Classes, "after", g.Step, "training steps")
	// Output: 5 images of [ask] after 3 training steps
}

// config is a small network.
func config() netdiffus.Config {
	c := netdiffus.Default()
	c.UNet.Channels, c.UNet.ChannelMult, c.UNet.Attention = 32, []float64{1}, []int{}
	c.Training.BatchSize = 4
	return c
}

// flows are images of eight flows of each of two classes.
func flows() *dataset.Set {
	var flows []traffic.Flow
	for i := range 8 {
		up, down := traffic.Packet{Length: 100 + i}, traffic.Packet{Length: 1400, Dir: traffic.Down}
		flows = append(flows,
			traffic.Flow{Label: "ask", Packets: []traffic.Packet{up, down, down, down}},
			traffic.Flow{Label: "send", Packets: []traffic.Packet{up, up, up, down}})
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4})
	if err != nil {
		log.Fatal(err)
	}
	return set
}
