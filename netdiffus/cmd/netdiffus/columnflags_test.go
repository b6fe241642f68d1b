package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestColumnFlags reads tables with other columns by the flags, by their names of
// before, and by a known schema.
func TestColumnFlags(t *testing.T) {
	dir := t.TempDir()
	want := []traffic.Flow{{Label: "chat", Timed: true, Packets: []traffic.Packet{{Length: 517, Dir: traffic.Up}, {Length: 1460, Dir: traffic.Down, IAT: 2000}}}}
	for name, c := range map[string]struct {
		file, args, stderr string
	}{
		"flags.csv":    {"sizes;way;gap;app\n517,1460;1,-1;0,2;chat\n", "--col-length sizes --col-dir way --col-iat gap --iat-unit ms --col-label app --csv-delimiter ;", ""},
		"before.csv":   {"sizes;way;gap;app\n517,1460;0,1;0,2000;chat\n", "--csv-length sizes --csv_dir way --csv-iat gap --csv-label app", ""},
		"flags.jsonl":  {`{"sizes":[517,1460],"way":[0,1],"gap":[0,2000000],"app":"chat"}`, "--col-length sizes --col-dir way --col-iat gap --iat-unit ns --col-label app", ""},
		"nfstream.csv": {"application_name,splt_direction,splt_ps,splt_piat_ms\nchat,\"[0, 1, -1]\",\"[517, 1460, -1]\",\"[0, 2, -1]\"\n", "", "nfstream.csv: read as NFStream's SPLT columns (lengths are payloads only"},
		"packets.csv":  {"n,sizes,way,gap,LABEL\n1,517,0,0,chat\n1,1460,1,0.002,chat\n", "--col-flow n --col-length sizes --col-dir way --col-iat gap --iat-unit s", ""},
	} {
		in, out := filepath.Join(dir, name), filepath.Join(dir, name+".parquet")
		if err := os.WriteFile(in, []byte(c.file), 0o666); err != nil {
			t.Fatal(err)
		}
		_, stderr, err := execute(t.Context(), append([]string{"flows", "--in", in, "--out", out}, strings.Fields(c.args)...)...)
		if err != nil || !strings.Contains(stderr, c.stderr) || (stderr == "") != (c.stderr == "") || strings.Count(stderr, "read as") > 1 {
			t.Errorf("%s: %v, printed %q, want %q", name, err, stderr, c.stderr)
			continue
		}
		if got := readFlows(t, traffic.Reader{}, out); !sameFlows(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	in := filepath.Join(dir, "flags.csv")
	if _, _, err := execute(t.Context(), "flows", "--in", in, "--col-length", "none"); err == nil || !strings.Contains(err.Error(), "no column none") || !strings.Contains(err.Error(), "--col-length and the other --col flags") {
		t.Errorf("a column that is not there: %v", err)
	}
	for _, verb := range []string{"flows", "convert", "evaluate", "demo", "plot", "chain"} {
		args := []string{verb, "--in", in, "--out", dir, "--iat-unit", "h"}
		switch verb {
		case "evaluate":
			args = []string{verb, "--real-train", in, "--real-test", in, "--synthetic", in, "--out", dir, "--iat-unit", "h"}
		case "plot":
			args = []string{verb, "--real", in, "--synthetic", in, "--out", dir, "--iat-unit", "h"}
		}
		if _, _, err := execute(t.Context(), args...); err == nil || !strings.Contains(err.Error(), `--iat-unit "h": want s, ms, us or ns`) {
			t.Errorf("%s --iat-unit h: %v", verb, err)
		}
	}
}

// The demo and evaluate read tables with other columns.
func TestColumnFlagsElsewhere(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "flows.csv")
	if err := os.WriteFile(in, []byte("sizes,app\n-517 1460,chat\n-48 48,mail\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	d := demo{in: in, columns: columnFlags{flowflags.Columns{Names: traffic.Columns{Length: "sizes", Label: "app"}}}}
	if err := d.columns.Apply(&d.reader); err != nil {
		t.Fatal(err)
	}
	file, err := d.real(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.real(os.Stderr)
	if err != nil || string(again) != string(file) {
		t.Errorf("the demo's input is not the same again: %v", err)
	}
	out := filepath.Join(dir, "flows.parquet")
	if err := os.WriteFile(out, file, 0o666); err != nil {
		t.Fatal(err)
	}
	if flows := readFlows(t, traffic.Reader{}, out); len(flows) != 2 || flows[1].Label != "mail" {
		t.Errorf("the demo's input holds %v", flows)
	}
	d = demo{in: in}
	if _, err := d.real(os.Stderr); !errors.Is(err, traffic.ErrNoColumn) || !strings.Contains(err.Error(), "--col-length") {
		t.Errorf("without the flags: %v", err)
	}
	_, _, err = execute(t.Context(), "evaluate", "--real-train", in, "--real-test", in, "--synthetic", filepath.Join(dir, "none.parquet"), "--out", filepath.Join(dir, "report"), "--col-length", "sizes", "--col-label", "app")
	if err == nil || !strings.Contains(err.Error(), "none.parquet") {
		t.Errorf("evaluate with the flags: %v, want it to come as far as the synthetic flows", err)
	}
}

// A table of other columns stands beside one of the library's own: each is read by its
// own, in plot, in evaluate's synthetic flows, and where flows lend their times.
func TestColumnFlagsBesideOwnColumns(t *testing.T) {
	dir := t.TempDir()
	theirs, own := filepath.Join(dir, "theirs.csv"), filepath.Join(dir, "own.csv")
	table := func(path, head string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(head+"\n-517 1460,0 20,chat\n-48 48,0 30,chat\n-48 48,0 30,mail\n-40 8,0 30,mail\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	table(theirs, "sizes,gaps,app")
	table(own, "PL,IAT,LABEL")
	flags := []string{"--col-length", "sizes", "--col-iat", "gaps", "--iat-unit", "ms", "--col-label", "app"}
	for i, sides := range [][2]string{{theirs, own}, {own, theirs}, {theirs, theirs}} {
		args := append([]string{"plot", "--real", sides[0], "--synthetic", sides[1], "--out", filepath.Join(dir, "plots"+strconv.Itoa(i))}, flags...)
		if out, _, err := execute(t.Context(), args...); err != nil || !strings.Contains(out, "mail") {
			t.Errorf("%v: %s, %v", args, out, err)
		}
	}
	if _, _, err := execute(t.Context(), "plot", "--real", theirs, "--synthetic", own, "--out", filepath.Join(dir, "plots")); err == nil || !strings.Contains(err.Error(), "--col-length") {
		t.Errorf("plot without the flags: %v", err)
	}
	plain := filepath.Join(dir, "plain.csv")
	if err := os.WriteFile(plain, []byte("PL,LABEL\n-517 1460,chat\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for file, unit := range map[string]float64{theirs: 1000, own: 1} {
		out := filepath.Join(dir, "out.pcap")
		args := append([]string{"flows", "--in", plain, "--iat-from", file, "--out", out}, flags...)
		if _, _, err := execute(t.Context(), args...); err != nil {
			t.Errorf("%v: %v", args, err)
			continue
		}
		if f := readFlows(t, traffic.Reader{}, out); len(f) != 1 || f[0].Packets[1].IAT != 20*unit && f[0].Packets[1].IAT != 30*unit {
			t.Errorf("%s: %+v", file, f)
		}
		os.Remove(out)
	}
	out := filepath.Join(dir, "chain.csv")
	if _, _, err := execute(t.Context(), append([]string{"chain", "--in", theirs, "--out", out}, flags...)...); err != nil || len(readFlows(t, traffic.Reader{}, out)) != 20 {
		t.Errorf("chain: %v", err)
	}
}
