package connections_test

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Ten minutes of a network with two classes, of two flows that are taken again and
// again.
func ExampleWrite() {
	flows := []traffic.Flow{
		{Label: "dns", Packets: []traffic.Packet{{Length: 33}, {Length: 97, Dir: traffic.Down}}},
		{Label: "chat", Packets: []traffic.Packet{{Length: 517}, {Length: 1400, Dir: traffic.Down}, {Length: 80}}},
	}
	profile := connections.Profile{
		Duration: 10 * time.Minute,
		Rate:     2,
		Classes:  map[string]connections.Class{"chat": {Protocol: "tcp", Port: 443, Name: "chat.example"}},
	}
	s, err := connections.Write(context.Background(), io.Discard, traffic.All(flows), profile, connections.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range s.Classes {
		fmt.Println(c.Label, c.Services[0], "by", c.Source)
	}
	// Output:
	// chat tcp/443 tls by profile
	// dns udp/53 dns by name
}
