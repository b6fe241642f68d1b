package netdiffus_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
)

// FuzzDecode reads configurations of others: an error or settings that, where they can be
// saved, are read again as the same.
func FuzzDecode(f *testing.F) {
	for name, preset := range netdiffus.Presets {
		if text, err := preset().JSON(); err == nil {
			f.Add(text)
		} else {
			f.Logf("%s cannot be saved: %v", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "v1", "*", "config.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(bytes.Repeat([]byte("["), 100_000))
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := netdiffus.Decode(text, netdiffus.Config{})
		if err != nil {
			return
		}
		saved, err := cfg.JSON()
		if err != nil {
			return
		}
		again, err := netdiffus.Decode(saved, netdiffus.Config{})
		if err != nil {
			t.Fatalf("what was saved is not read: %v\n%s", err, saved)
		}
		twice, err := again.JSON()
		if err != nil || !bytes.Equal(saved, twice) {
			t.Fatalf("saved again (%v):\n%s\nwas:\n%s", err, twice, saved)
		}
	})
}
