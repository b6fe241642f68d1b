package netdiffus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// largeTables is the default preset, fitted to a set whose codecs' tables are larger
// than those of any real one.
func largeTables(t *testing.T) netdiffus.Config {
	t.Helper()
	var classes []string
	fitters := []codec.Fitter{(&codec.Atoms{}).Fitter(10), (&codec.Atoms{Bins: 64}).Fitter(10)}
	for class := range 20 {
		classes = append(classes, fmt.Sprintf("class-%02d", class))
		for i := range 40 {
			for _, f := range fitters {
				series := make([]float64, 10)
				for j := range series {
					series[j] = float64((i*j*7 + class) % 1461)
				}
				if err := f.Add(classes[class], series); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var codecs []codec.Codec
	for _, f := range fitters {
		c, err := f.Codec()
		if err != nil {
			t.Fatal(err)
		}
		codecs = append(codecs, c)
	}
	set := &dataset.Set{
		Encoding: dataset.MustEncoding(dataset.Recipe{Channels: []dataset.Channel{
			{Codec: codecs[0]}, {Feature: traffic.InterArrival{}, Codec: codecs[1]},
		}}),
		Classes: classes, Images: imaging.New(1, 10, 10, 2), Labels: []int{0},
	}
	c, err := netdiffus.Presets["network"]().Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// config.json is for people: tables are in a file beside it, and are those that it was
// written with.
func TestConfigFileIsSmall(t *testing.T) {
	c, dir := largeTables(t), filepath.Join(t.TempDir(), "run")
	run, err := track.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if err := run.WriteConfig(c); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(track.ConfigFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(file) > 5000 {
		t.Errorf("config.json has %d bytes, want 5,000 at most:\n%s", len(file), file)
	}
	for _, want := range []string{`"class-19"`, `"noise_schedule": "angular"`, `"trunk": "mlp"`, `"side": 10`} {
		if !strings.Contains(string(file), want) {
			t.Errorf("config.json lacks %s:\n%s", want, file)
		}
	}
	var back netdiffus.Config
	if err := track.ReadConfig(dir, &back); err != nil {
		t.Fatal(err)
	}
	if string(text(t, back)) != string(text(t, c)) {
		t.Error("what is read back is another configuration")
	}
	tables := filepath.Join(dir, "tables.json")
	if info, err := os.Stat(tables); err != nil || info.Size() < 100_000 {
		t.Errorf("tables.json: %v, %v", info, err)
	}
	if err := os.WriteFile(tables, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := track.ReadConfig(dir, &back); err == nil || !strings.Contains(err.Error(), "hash differs") {
		t.Errorf("with other tables: %v", err)
	}
	if err := os.Remove(tables); err != nil {
		t.Fatal(err)
	}
	if err := track.ReadConfig(dir, &back); err == nil || !strings.Contains(err.Error(), "needs its tables") {
		t.Errorf("without tables: %v", err)
	}
}
