package capturetools_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/capturetools"
	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// capture writes 60 connections of three classes.
func capture(t *testing.T) string {
	t.Helper()
	var flows []traffic.Flow
	for range 20 {
		flows = append(flows,
			traffic.Flow{Label: "dns", Timed: true, Packets: []traffic.Packet{{Length: 33}, {Length: 97, Dir: traffic.Down, IAT: 9000}}},
			traffic.Flow{Label: "https", Timed: true, Packets: []traffic.Packet{{Length: 517}, {Length: 1400, Dir: traffic.Down, IAT: 21000}, {Length: 80, IAT: 500}}},
			traffic.Flow{Label: "http", Timed: true, Packets: []traffic.Packet{{Length: 200}, {Length: 900, Dir: traffic.Down, IAT: 30000}}})
	}
	path := filepath.Join(t.TempDir(), "a.pcap")
	if _, err := connections.WriteFile(context.Background(), path, "", traffic.All(flows), connections.Profile{Rate: 20}, connections.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// All tools that are installed see every flow, and tshark warns of nothing.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs of others")
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	results, err := capturetools.Run(context.Background(), capture(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		t.Logf("%+v", r)
		if r.Absent || r.Tool == "tcpprep" && r.Error == "" {
			continue
		}
		if r.Error != "" || r.Flows != 60 || r.Errors > 0 || r.Warnings > 0 {
			t.Errorf("%s: %d flows, want 60; %d errors, %d warnings; %s", r.Tool, r.Flows, r.Errors, r.Warnings, r.Error)
		}
		if r.Tool == "tshark" && (r.Services["dns"] != 20 || r.Services["tls"] != 20 || r.Services["http"] != 20) {
			t.Errorf("tshark names %v", r.Services)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func TestRunErrors(t *testing.T) {
	if _, err := capturetools.Run(context.Background(), filepath.Join(t.TempDir(), "none.pcap"), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no capture: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := capturetools.Run(ctx, capture(t), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	results, err := capturetools.Run(context.Background(), capture(t), time.Minute)
	if err != nil || results[0].Flows != 60 {
		t.Errorf("without tools: %+v, %v", results, err)
	}
	if i := slices.IndexFunc(results, func(r capturetools.Result) bool { return r.Tool != "netdiffus" && !r.Absent }); i >= 0 {
		t.Errorf("%s is there without a PATH", results[i].Tool)
	}
}
