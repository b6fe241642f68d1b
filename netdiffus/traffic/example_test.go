package traffic_test

import (
	"fmt"
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func ExampleRead() {
	for flow, err := range traffic.Read("testdata/parquet/good-snappy.parquet") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(flow.Label, traffic.SignedLength{}.Values(flow.Packets))
	}
	// Output:
	// Zoom [-517 1460 -93]
	// a b/../c [-1]
	// Zoom [49258 65535]
	// Ünïcødé [-120 0 120 -7]
}

func ExampleValues() {
	flows := traffic.Read("testdata/parquet/good-snappy.parquet")
	lengths, err := traffic.Values(flows, traffic.SignedLength{}, "Zoom")
	fmt.Println(lengths, err)
	// Output: [-517 1460 -93 49258 65535] <nil>
}
