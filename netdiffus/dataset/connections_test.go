package dataset_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// What is known of connections goes through a manifest, and through parts of a set.
func TestConnectionsAreKept(t *testing.T) {
	var flows []traffic.Flow
	for i := range 20 {
		flows = append(flows, traffic.Flow{
			Label: "dns", Packets: []traffic.Packet{{Length: 30 + i}},
			Connection: &traffic.Connection{Protocol: traffic.UDP, ServerPort: 53, ClientTTL: 64, Capture: "a.pcap", Start: int64(i) * 1e9},
		})
	}
	dir := filepath.Join(t.TempDir(), "converted")
	done, err := dataset.Convert(t.Context(), traffic.All(flows), dataset.Recipe{SeriesLength: 4}, dir, dataset.ConvertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := done.Connections
	if c := want.Class("dns"); c == nil || c.Flows != 20 || c.Services[0].Port != 53 || c.Arrivals == nil {
		t.Fatalf("connections %+v", want)
	}
	opened, err := dataset.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	built, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	part, _, err := built.Split(0.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(t.TempDir(), "saved")
	if err := part.Save(saved, nil); err != nil {
		t.Fatal(err)
	}
	again, err := dataset.Open(saved, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*dataset.Set{"opened": opened, "built": built, "saved": again} {
		if !reflect.DeepEqual(s.Connections, want) {
			t.Errorf("%s: connections %+v, want %+v", name, s.Connections, want)
		}
	}
}
