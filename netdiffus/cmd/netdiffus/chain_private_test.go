package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/private"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// ran runs a command line of the program and returns the exit code and what went to
// stderr.
func ran(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	e := finish(t, program(t, t.TempDir(), args...))
	return e.code, e.output
}

func TestChainWithAGuarantee(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	out, ledger := filepath.Join(dir, "out.parquet"), filepath.Join(dir, "out.privacy.json")
	code, text := ran(t, "chain", "--in", in, "--out", out, "--epsilon", "2", "--delta", "1e-6", "--classes", "dns,absent", "--num-samples", "7")
	if code != 0 || strings.Contains(text, "taken from the input") || !strings.Contains(text, "draw once") {
		t.Fatalf("exit code %d\n%s", code, text)
	}
	flows, err := traffic.Collect(traffic.Read(out))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range flows {
		counts[f.Label]++
		if f.Timed {
			t.Fatal("the flows have times")
		}
	}
	if len(counts) != 2 || counts["dns"] != 7 || counts["absent"] != 7 {
		t.Errorf("flows of %v, want 7 of dns and of a class that is named but not there", counts)
	}
	l, err := private.ReadLedger(ledger)
	if err != nil || !l.Private || *l.Epsilon != 2 || l.Delta != 1e-6 {
		t.Fatalf("ledger %+v, %v", l, err)
	}
	// Nothing in it tells of the input: not its name, nor a digest of it.
	content, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"in.parquet", "sha256", dir} {
		if bytes.Contains(content, []byte(word)) {
			t.Errorf("the ledger has %q", word)
		}
	}
	// Again, onto the same file: the budgets add up.
	if code, text = ran(t, "chain", "--in", in, "--out", out, "--epsilon", "1", "--num-samples", "0"); code != 0 ||
		!strings.Contains(text, "both together give away epsilon 2.") || !strings.Contains(text, "taken from the input") {
		t.Errorf("a second run: exit code %d\n%s", code, text)
	}
	if code, text = ran(t, "chain", "--in", in, "--out", out, "--epsilon", "inf", "--num-samples", "2"); code != 0 || !strings.Contains(text, "nothing is guaranteed") {
		t.Errorf("without noise: exit code %d\n%s", code, text)
	}
	// What is drawn is converted and trained on as any flows are.
	if code := run([]string{"convert", "--in", out, "--out", filepath.Join(dir, "set"), "--codec", "atoms", "--layout", "per-class"}); code != 0 {
		t.Errorf("convert: exit code %d", code)
	}
}

func TestGuaranteeUsage(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	out := filepath.Join(dir, "out.parquet")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--epsilon", "0"}, "--epsilon 0"},
		{[]string{"--epsilon", "-1"}, "--epsilon -1"},
		{[]string{"--epsilon", "NaN"}, "--epsilon NaN"},
		{[]string{"--epsilon", "much"}, "much"},
		{[]string{"--epsilon", "2", "--delta", "0"}, "--delta 0"},
		{[]string{"--epsilon", "2", "--delta", "1"}, "--delta 1"},
		{[]string{"--epsilon", "2", "--largest", "0"}, "--largest 0"},
		{[]string{"--epsilon", "2", "--order", "2"}, "--order has no guarantee"},
		{[]string{"--epsilon", "2", "--baseline", "copula"}, "--baseline has no guarantee"},
		{[]string{"--delta", "1e-6"}, "--delta is for --epsilon"},
		{[]string{"--epsilon", "2", "--num-samples", "-1"}, "--num-samples -1"},
		{[]string{"--num-samples", "0"}, "--num-samples 0"},
	} {
		code, text := ran(t, append([]string{"chain", "--in", in, "--out", out}, c.args...)...)
		if code != exitUsage || !strings.Contains(text, c.want) {
			t.Errorf("chain %v: exit code %d, %s", c.args, code, text)
		}
	}
	if code, text := ran(t, "chain", "--in", in, "--out", out, "--epsilon", "1e-6"); code != exitFailed || !strings.Contains(text, "too small") {
		t.Errorf("epsilon 1e-6: exit code %d, %s", code, text)
	}
	if code, text := ran(t, "train", "--data-dir", dir, "--epsilon", "2"); code != exitUsage || !strings.Contains(text, "netdiffus chain") {
		t.Errorf("train --epsilon: exit code %d, %s", code, text)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "out*")); err != nil || len(left) > 0 {
		t.Errorf("%q were written, %v", left, err)
	}
}
