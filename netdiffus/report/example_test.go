package report_test

import (
	"fmt"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func ExampleCompare() {
	flow := func(label string, lengths ...int) traffic.Flow {
		f := traffic.Flow{Label: label}
		for i, n := range lengths {
			f.Packets = append(f.Packets, traffic.Packet{Length: n, Dir: traffic.Direction(i % 2)})
		}
		return f
	}
	real := report.Traffic{Flows: []traffic.Flow{flow("web", 517, 1448, 90), flow("web", 517, 1448), flow("dns", 40, 120)}}
	synthetic := report.Traffic{Flows: []traffic.Flow{flow("web", 517, 1200), flow("dns", 40, 120)}}
	c, err := report.Compare(real, synthetic, 0)
	if err == nil {
		err = c.Print(os.Stdout)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// PL                          real synthetic Hellinger  JS, bits        TV        W1        KS
	//   all packets                  7         4    0.5598    0.3152    0.3810  145.9524    0.2857
	//   mean of classes              7         4    0.3717    0.2770    0.3000  126.4500    0.2000
	//   dns                          2         2    0.0000    0.0000    0.0000    0.0000    0.0000
	//   web                          5         2    0.7435    0.5540    0.6000  252.9000    0.4000
	// DIR                         real synthetic Hellinger  JS, bits        TV        W1        KS
	//   all packets                  7         4    0.0507    0.0037    0.0714    0.0714    0.0714
	//   mean of classes              7         4    0.0356    0.0036    0.0500    0.0500    0.0500
	//   dns                          2         2    0.0000    0.0000    0.0000    0.0000    0.0000
	//   web                          5         2    0.0712    0.0073    0.1000    0.1000    0.1000
}
