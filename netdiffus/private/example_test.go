package private_test

import (
	"fmt"
	"log"

	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
	"github.com/netdiffus/netdiffus-go/netdiffus/private"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Flows with a guarantee: what is drawn, and all that is made of it, may be passed on.
func Example() {
	var flows []traffic.Flow // as traffic.Read gives them
	for range 500 {
		flows = append(flows, traffic.Flow{Label: "dns", Packets: []traffic.Packet{{Length: 40}, {Length: 120, Dir: traffic.Down}}})
	}
	model, err := private.Fit(traffic.All(flows), private.Settings{
		Budget:  dp.Budget{Epsilon: 2, Delta: 1e-6},
		Classes: []string{"dns"}, // public
	})
	if err != nil {
		log.Fatal(err)
	}
	drawn, err := model.Draw("dns", 3, 1)
	if err != nil {
		log.Fatal(err)
	}
	ledger := model.Ledger()
	fmt.Println(len(drawn), "flows")
	fmt.Println("at most epsilon 2:", ledger.Private && ledger.Spent <= 2)
	for _, q := range ledger.Queries[:3] {
		fmt.Printf("sensitivity √%d: %s\n", q.Squared, q.Name)
	}
	// Output:
	// 3 flows
	// at most epsilon 2: true
	// sensitivity √1: flows of each class
	// sensitivity √10: flows of each class that hold each signed length
	// sensitivity √10: symbols at each place of each class
}
