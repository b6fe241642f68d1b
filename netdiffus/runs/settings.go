package runs

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// Settings are the values of a configuration as JSON, by the names on the way to them:
// "training.lr" is "0.0003", "diffusion.noise_schedule" is "\"cosine\"".
type Settings map[string]string

// Int returns the whole number called name.
func (s Settings) Int(name string) (int, error) { return strconv.Atoi(s[name]) }

// Word returns the setting as a person writes it: without quotation marks.
func (s Settings) Word(name string) string { return word(s[name]) }

func word(leaf string) string {
	var text string
	if json.Unmarshal([]byte(leaf), &text) == nil && leaf != "null" {
		return text
	}
	return leaf
}

// Difference is a setting in which two configurations differ. The values are JSON, ""
// where one has no such setting.
type Difference struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Other string `json:"other"` // the preset's, or the other run's
}

// String is "training.lr: 0.001, was 0.002".
func (d Difference) String() string {
	said := func(v string) string {
		if v == "" {
			return "nothing"
		}
		return word(v)
	}
	return fmt.Sprintf("%s: %s, was %s", d.Name, said(d.Value), said(d.Other))
}

var errForeign = errors.New("not a configuration of this program")

// common are the members of a configuration that are not a kind of model.
var common = []string{"unet", "image", "class_cond", "classes", "recipe", "diffusion", "training", "tables"}

// parseConfig returns the settings in a config.json and the kind of model.
func parseConfig(text []byte) (Settings, string, error) {
	var members map[string]json.RawMessage
	if err := jsonlimit.Unmarshal(text, &members); err != nil {
		return nil, "", err
	}
	if members["diffusion"] == nil || members["training"] == nil {
		return nil, "", errForeign
	}
	kind := "pixels"
	for name := range members {
		if !slices.Contains(common, name) {
			kind = name
		}
	}
	delete(members, "recipe") // the data set's; its tables are large
	if text, ok := members[kind]; ok {
		var own map[string]json.RawMessage
		if json.Unmarshal(text, &own) == nil && own["tables"] != nil {
			delete(own, "tables")
			members[kind], _ = json.Marshal(own)
		}
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return nil, "", err
	}
	leaves, err := plainjson.Leaves(rest)
	return leaves, kind, err
}

// fitted reports whether a setting follows from the data rather than from the user.
func fitted(name string) bool {
	switch top, rest, _ := strings.Cut(name, "."); top {
	case "image", "classes", "tables":
		return true
	case "unet":
		return slices.Contains([]string{"image_size", "in_channels", "classes", "null_class", "learn_sigma"}, rest)
	default:
		return rest == "chosen" || strings.HasPrefix(rest, "chosen.")
	}
}

//go:embed presets.json
var presetsText []byte

// presets are the presets' settings by name, of netdiffus.Presets. They are a copy in a
// file, which a test of that package holds to the original, so that this package need
// not link GoMLX.
var presets = sync.OnceValue(func() map[string]preset {
	var all map[string]preset
	if err := json.Unmarshal(presetsText, &all); err != nil {
		panic("runs: presets.json: " + err.Error())
	}
	return all
})

type preset struct {
	Kind     string   `json:"kind"`
	Settings Settings `json:"settings"`
}

// differs lists the settings of the user in which a run differs from the preset p.
func (p preset) differs(s Settings) []Difference {
	return differences(s, p.Settings, func(name string) bool {
		_, inPreset := p.Settings[name]
		switch {
		case fitted(name):
			return false
		case name == "diffusion.noise":
			return false // what draws noise changes no model, and older runs have another
		case name == "unet.channel_mult" && !inPreset:
			return false // follows from the images' size
		case strings.HasPrefix(name, "unet."):
			// Pictures and networks without a UNet save its settings all the same.
			return inPreset || s["unet.channels"] != ""
		case name == "training.steps" && !inPreset && s["training.epochs"] == p.Settings["training.epochs"]:
			return false // follows from the epochs and the number of flows
		}
		return true
	})
}

// differences lists the settings that a and b do not share, in order, of those that
// asked is true for.
func differences(a, b Settings, asked func(name string) bool) []Difference {
	all := maps.Clone(a)
	if all == nil {
		all = Settings{}
	}
	maps.Copy(all, b)
	var list []Difference
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a[name] != b[name] && !(blank(a[name]) && blank(b[name])) && asked(name) {
			list = append(list, Difference{name, a[name], b[name]})
		}
	}
	return list
}

// blank reports whether a setting is what it is where it is left out.
func blank(leaf string) bool { return leaf == "" || leaf == "null" || leaf == `""` }

// setPreset sets the preset where it is not recorded, and what differs from it.
func (r *Run) setPreset() {
	if r.Kind == "" {
		return
	}
	if p, known := presets()[r.Preset]; known {
		r.Differs = p.differs(r.Settings)
		return
	}
	r.Preset = ""
	for _, name := range slices.Sorted(maps.Keys(presets())) {
		p := presets()[name]
		if p.Kind != r.Kind {
			continue
		}
		if d := p.differs(r.Settings); r.Preset == "" || len(d) < len(r.Differs) {
			r.Preset, r.Differs = name, d
		}
	}
}
