package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestFlowsFromKindToKind takes flows from Parquet through captures, CSV and
// JSON Lines back to Parquet.
func TestFlowsFromKindToKind(t *testing.T) {
	flows := []traffic.Flow{
		{Label: "chat", Timed: true, Packets: []traffic.Packet{{Length: 517, Dir: traffic.Up}, {Length: 1460, Dir: traffic.Down, IAT: 250}}},
		{Label: "video", Timed: true, Packets: []traffic.Packet{{Length: 7, Dir: traffic.Down}, {Length: 9, Dir: traffic.Up, IAT: 1.5}, {Length: 3, Dir: traffic.Up, IAT: 2e6}}},
	}
	dir := t.TempDir()
	first := filepath.Join(dir, "a.parquet")
	if err := traffic.WriteParquet(first, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	in := first
	for _, name := range []string{"captures" + string(os.PathSeparator), "b.csv", "c.tsv", "d.jsonl", "e.parquet"} {
		out := dir + string(os.PathSeparator) + name
		stdout, stderr, err := execute(t.Context(), "flows", "--in", in, "--out", out)
		if err != nil || stderr != "" {
			t.Fatalf("%s: %v %s", name, err, stderr)
		}
		if !strings.Contains(stdout, "2        5    in all") {
			t.Errorf("%s: printed %q", name, stdout)
		}
		if got := readFlows(t, traffic.Reader{}, out); !sameFlows(got, flows) {
			t.Errorf("%s: %v, want %v", name, got, flows)
		}
		in = out
	}
	out := filepath.Join(dir, "f.parquet")
	if _, _, err := execute(t.Context(), "flows", "--in", first, "--in", in, "--min_packets", "3", "--max_packets", "3", "--label", "all-{file}", "--out", out); err != nil {
		t.Fatal(err)
	}
	got := readFlows(t, traffic.Reader{}, out)
	if len(got) != 2 || got[0].Label != "all-a" || got[1].Label != "all-e" || len(got[1].Packets) != 3 {
		t.Errorf("two files and options: %v", got)
	}
	set := filepath.Join(dir, "set")
	if _, _, err := execute(t.Context(), "convert", "--in", filepath.Join(dir, "captures"), "--out", set); err != nil {
		t.Fatal(err)
	}
}

func TestFlowsWarnsOfDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "chat")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.pcap")
	flow := traffic.Flow{Label: "chat", Packets: []traffic.Packet{{Length: 10}, {Length: 20}}}
	if err := traffic.Write(path, traffic.All([]traffic.Flow{flow})); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-5], 0o666); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := execute(t.Context(), "flows", "--in", path)
	if err != nil || !strings.Contains(stdout, "chat") || !strings.Contains(stderr, "netdiffus: warning: capture: "+path+": byte ") {
		t.Errorf("%v, printed %q and %q, want the flow and a warning with the offset", err, stdout, stderr)
	}
}

func TestFlowsRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	if err := os.WriteFile(path, []byte("LABEL,PL\nx,\"[-7, 20000]\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--in is missing"},
		{[]string{"--in", path, "--min_packets", "3", "--max_packets", "2"}, "no flow would be left"},
		{[]string{"--in", path, "--protocol", "sctp"}, "want tcp or udp"},
		{[]string{"--in", path, "--start", "today"}, "--start"},
		{[]string{"--in", path, "--csv_delimiter", "::"}, "want one character, or tab"},
		{[]string{"--in", path, "--min_packets", "9"}, "there are no flows in the input"},
		{[]string{"--in", path, "--min_packets", "9", "--out", filepath.Join(dir, "none.jsonl")}, "there are no flows in the input"},
		{[]string{"--in", path, "--out", filepath.Join(dir, "a.pcap")}, "--mtu 65535, or --segment)"},
		{[]string{"--in", path, "--out", filepath.Join(dir, "a.xlsx")}, "cannot tell what to write"},
		{[]string{"--in", path, "--csv_flow", "stream"}, "no column stream"},
		{[]string{"--in", filepath.Join(dir, "none")}, "no such file"},
	} {
		if _, _, err := execute(t.Context(), append([]string{"flows"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.args, err, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v, want a.csv alone", left, err)
	}
}

// --share and --rest divide the flows: each goes to one side, and the same seed
// divides alike.
func TestFlowsShare(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	count := func(name string) int {
		flows, err := traffic.Collect(traffic.Read(filepath.Join(dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		return len(flows)
	}
	all := count("in.parquet")
	for _, name := range []string{"a", "b"} {
		args := []string{"flows", "--in", in, "--share", "0.7", "--seed", "3", "--out", filepath.Join(dir, name+".parquet"), "--rest", filepath.Join(dir, name+"-rest.parquet")}
		if code := run(args); code != 0 {
			t.Fatalf("exit code %d", code)
		}
	}
	if a, rest := count("a.parquet"), count("a-rest.parquet"); a+rest != all || a <= all/2 || rest == 0 || count("b.parquet") != a {
		t.Errorf("%d flows divided into %d and %d, again into %d", all, a, rest, count("b.parquet"))
	}
	if code := run([]string{"flows", "--in", in, "--rest", filepath.Join(dir, "x.csv")}); code != exitUsage {
		t.Errorf("--rest alone: exit code %d, want %d", code, exitUsage)
	}
}
