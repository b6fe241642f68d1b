package train_test

import (
	"context"
	"fmt"
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// A small network learns flows of two classes for three steps. With Options.Dir the
// run is kept on disk, and continues there.
func ExampleRun() {
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
	config := netdiffus.Default()
	config.UNet.Channels, config.UNet.ChannelMult, config.UNet.Attention = 32, []float64{1}, []int{}
	config.Training.BatchSize = 4

	ctx := context.Background()
	device, err := backend.Open(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	for m, err := range train.Run(ctx, device, config, set, train.Options{Steps: 3}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("step", m.Step, "loss is positive:", m.Loss > 0)
	}
	// Output:
	// step 1 loss is positive: true
	// step 2 loss is positive: true
	// step 3 loss is positive: true
}
