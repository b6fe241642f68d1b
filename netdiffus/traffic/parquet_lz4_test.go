package traffic

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// lz4Flows are the flows of parquet/lz4-polars.parquet, as make_lz4.py makes them.
func lz4Flows() []Flow {
	flows := make([]Flow, 60)
	for i := range flows {
		flows[i] = Flow{Label: fmt.Sprintf("class %d", i%3), Timed: true, Packets: make([]Packet, 12)}
		for j := range flows[i].Packets {
			n := uint32(i*12+j+1) * 2654435761 >> 8
			flows[i].Packets[j] = Packet{Length: int(n%1460) + 1, Dir: Direction(n >> 12 & 1)}
			if j > 0 {
				flows[i].Packets[j].IAT = float64(n)
			}
		}
	}
	return flows
}

func TestLZ4(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	const path = "testdata/parquet/lz4-polars.parquet"
	got, err := Collect(Read(path))
	if err != nil || !reflect.DeepEqual(got, lz4Flows()) {
		t.Errorf("%s: %v, %v", path, got, err)
	}
	if info, err := Stat(path); err != nil || info.Rows != 60 {
		t.Errorf("Stat(%s) = %+v, %v", path, info, err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < len(file)-12; i += 97 { // damage: an error or flows, and no panic
		damaged := append([]byte{}, file...)
		damaged[i] ^= 0xff
		path := filepath.Join(t.TempDir(), "a.parquet")
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		readAny(t, path)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("%d files left in the folder of temporary files, %v", len(left), err)
	}
}
