package sample_test

import (
	"context"
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
)

func ExampleGenerator_Draw() {
	ctx := context.Background()
	device, err := backend.Open(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	g, err := sample.Open(device, "runs/first")
	if err != nil {
		log.Fatal(err)
	}
	set, err := g.Draw(ctx, sample.Request{N: 64, Classes: []string{"dns"}, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := set.Save("runs/synthetic", &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
		log.Fatal(err)
	}
}
