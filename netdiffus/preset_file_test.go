package netdiffus_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
)

var update = flag.Bool("update", false, "rewrite runs/presets.json")

// Package runs, which may not link GoMLX, has a copy of the presets' settings.
func TestPresetsOfRuns(t *testing.T) {
	type preset struct {
		Kind     string            `json:"kind"`
		Settings map[string]string `json:"settings"`
	}
	presets := map[string]preset{}
	for name, make := range netdiffus.Presets {
		text, err := make().JSON()
		if err != nil {
			t.Fatal(err)
		}
		leaves, err := plainjson.Leaves(text)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		for _, kind := range netdiffus.Kinds.Names() {
			if _, is := members[kind]; is {
				presets[name] = preset{kind, leaves}
			}
		}
	}
	want, err := plainjson.Marshal(presets)
	if err != nil {
		t.Fatal(err)
	}
	const file = "runs/presets.json"
	if *update {
		if err := os.WriteFile(file, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what netdiffus.Presets are now (%v): go test ./netdiffus -run PresetsOfRuns -update", file, err)
	}
}
