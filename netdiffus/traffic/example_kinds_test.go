package traffic_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Flows written as captures, one folder a label, read back as they were.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	flows := []traffic.Flow{
		{Label: "chat", Timed: true, Packets: []traffic.Packet{{Length: 48}, {Length: 48, Dir: traffic.Down, IAT: 250}}},
		{Label: "video", Timed: true, Packets: []traffic.Packet{{Length: 517}, {Length: 1460, Dir: traffic.Down, IAT: 1200.5}}},
	}
	captures := filepath.Join(dir, "captures") + string(os.PathSeparator)
	if err := traffic.Write(captures, traffic.All(flows)); err != nil {
		log.Fatal(err)
	}
	for f, err := range traffic.Read(captures) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(f.Label, traffic.SignedLength{}.Values(f.Packets), traffic.InterArrival{}.Values(f.Packets))
	}
	// Output:
	// chat [-48 48] [0 250]
	// video [-517 1460] [0 1200.5]
}

// One row a packet, columns under other names, delimiter found out.
func ExampleReader_Read_csv() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "packets.csv")
	text := "stream;bytes;direction;app\n0;517;0;chat\n0;1460;1;chat\n1;48;0;video\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		log.Fatal(err)
	}
	r := traffic.Reader{Columns: traffic.Columns{Flow: "stream", Length: "bytes", Dir: "direction", Label: "app"}}
	for f, err := range r.Read(path) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(f.Label, traffic.SignedLength{}.Values(f.Packets))
	}
	// Output:
	// chat [-517 1460]
	// video [-48]
}
