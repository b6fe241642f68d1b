package series

import (
	"path/filepath"
	"testing"
)

func TestRecognize(t *testing.T) {
	wide := filepath.Join(t.TempDir(), "a.npz")
	if err := Write(wide, All(someSeries())); err != nil {
		t.Fatal(err)
	}
	lists := filepath.Join(t.TempDir(), "a.parquet")
	if err := Write(lists, All(someSeries())); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		wide: true, lists: true, filepath.Dir(lists): true,
		"../../data/loopback.parquet": false, "../../data/dns.pcap": false, "../../data": false, "no such file": false,
		write(t, "a.csv", "label,b_0,b_1\nx,1,2\n"):                       true,
		write(t, "a.csv", "time,b\n0,1\n1,2\n"):                           true,
		write(t, "a.csv", "1,2,3\n"):                                      true,
		write(t, "a.csv", "PL,DIR,LABEL\n\"[1, 2]\",\"[0, 1]\",x\n"):      false,
		write(t, "a.csv", "PL_0,PL_1,LABEL\n1,-2,x\n"):                    false,
		write(t, "a.csv", "IN_PKTS,OUT_PKTS,time\n1,2,3\n"):               false,
		write(t, "a.csv", "name,height\nx,1\n"):                           false,
		write(t, "a.jsonl", `{"label":"x","b":[1,2]}`):                    true,
		write(t, "a.jsonl", `{"LABEL":"x","PL":[1,2],"DIR":[0,1]}`):       false,
		write(t, "a.json", `{"1.2.3.4,5":{"packet_data":{"iat":[1,2]}}}`): false,
	} {
		if got, err := Recognize(path, Columns{}); err != nil || got != want {
			t.Errorf("%s: %t, %v, want %t", path, got, err, want)
		}
	}
}
