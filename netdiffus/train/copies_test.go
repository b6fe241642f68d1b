package train

import (
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// An image of nothing but padding shows no flow: the flows behind it keep the
// classes of their own images.
func TestSignedLengthsSkipPadding(t *testing.T) {
	flows := []traffic.Flow{
		{Label: "a", Packets: []traffic.Packet{{Length: 5}}},
		{Label: "a", Packets: []traffic.Packet{{Length: 0}}}, // as --keep_empty keeps it
		{Label: "b", Packets: []traffic.Packet{{Length: 9}}},
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 2})
	if err != nil {
		t.Fatal(err)
	}
	set.SeriesLengths = nil // as a sampler leaves them
	rows, _, err := packetRows(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows[0]) != 1 || len(rows[1]) != 1 || rows[1][0][0] != -9 {
		t.Errorf("the flows by class are %v, want [[[-5]] [[-9]]]", rows)
	}
}
