package train_test

import (
	"context"
	"fmt"
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

func ExampleRun() {
	ctx := context.Background()
	set, err := dataset.Open("runs/gasf", nil)
	if err != nil {
		log.Fatal(err)
	}
	device, err := backend.Open(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	opt := train.Options{Steps: 2000, Dir: "runs/first"}
	for r, err := range train.Run(ctx, device, netdiffus.Default(), set, opt) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Step, r.MSE)
	}
}
