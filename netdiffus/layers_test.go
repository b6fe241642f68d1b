package netdiffus_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const library = "github.com/netdiffus/netdiffus-go/netdiffus"

// layers assigns each package of the library its layer, as docs/architecture.md
// does: a package may import only packages of lower layers, and of its own layer
// only those that sameLayer allows.
var layers = map[string]int{
	"atomicfile": 0, "capture": 0, "command": 0, "internal/arrays": 0, "internal/gobs": 0, "internal/payload": 0, "internal/plainjson": 0,
	"internal/registry": 0, "internal/tables": 0, "internal/tshark": 0, "internal/unpack": 0, "internal/window": 0,
	"dp": 0, "jsonlimit": 0, "longtest": 0, "noise": 0,
	"backend/programs": 1, "codec": 1, "connections": 1, "imaging": 1, "npz": 1, "provenance": 1, "pytorch": 1,
	"reservoir": 1, "schedule": 1, "series": 1, "traffic": 1,
	"capturetools": 2, "copula": 2, "dataset": 2, "internal/golden": 2, "markov": 2, "metric": 2,
	"private": 2,
	"backend": 3, "backend/backendtest": 3, "baseline": 3, "categorical": 3, "causal": 3, "checkpoint": 3, "classify": 3,
	"diffusion": 3, "ema": 3, "joint": 3, "nn": 3, "numeric": 3, "privacy": 3, "unet": 3,
	"": 4, "classify/cnn": 4, "plots": 4, "track": 4,
	"guided": 5, "nb": 5, "report": 5, "runs": 5, "runs/index": 5, "sample": 5, "serve": 5, "sweep": 5, "tracker": 5,
	"train": 5,
	"bench": 6, "internal/flowflags": 6,
	"cmd/netdiffus": 7,
}

// sameLayer lists the imports within one layer that the design allows.
var sameLayer = map[string][]string{
	"capture":             {"internal/window"},         // how it reads files
	"internal/plainjson":  {"jsonlimit"},               // of files of others
	"internal/tables":     {"internal/unpack"},         // files that may be compressed
	"series":              {"traffic", "npz"},          // what it is made of; one of its formats
	"private":             {"markov"},                  // it draws by weight as chains do
	"joint":               {"classify"},                // it judges what its chains draw
	"unet":                {"nn"},                      // its layers
	"categorical":         {"nn", "unet", "diffusion"}, // its layers, one of its trunks; it is a denoiser
	"numeric":             {"nn", "diffusion"},         // its layers; it is a denoiser
	"causal":              {"nn", "diffusion"},         // its layers; it has a loss
	"backend/backendtest": {"backend"},                 // opened for tests
	"classify/cnn":        {"classify"},                // it is a judge
	"guided":              {"train"},                   // a model taken over is a run that train continues
	"connections":         {"traffic"},                 // of which it is a part
	"runs/index":          {"runs"},                    // whose cache it is
	"serve":               {"runs"},                    // what it shows
	"train":               {"sample"},                  // it draws from what it trains, to count copies
}

// light must not link GoMLX: a notebook cell is a program built anew at each
// run, and linking GoMLX makes it some nine times slower to build.
var light = []string{"capture", "traffic", "connections", "codec", "imaging", "npz", "noise", "pytorch", "reservoir", "schedule", "series", "copula", "dataset", "dp", "markov", "metric", "baseline", "classify", "joint", "privacy", "plots", "private", "nb", "report", "tracker", "track", "runs", "runs/index", "sweep"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func listPackages(t *testing.T) map[string]goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", library+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]goPackage{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages[inLibrary(p.ImportPath)] = p
	}
}

// inLibrary returns the path below the library's root, "" for the root itself.
func inLibrary(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, library), "/")
}

func TestImportsGoDown(t *testing.T) {
	for name, p := range listPackages(t) {
		layer, known := layers[name]
		if !known {
			t.Errorf("package %q has no layer: give it one here and in docs/architecture.md", name)
			continue
		}
		for _, imported := range p.Imports {
			if imported != library && !strings.HasPrefix(imported, library+"/") {
				continue
			}
			below := inLibrary(imported)
			if layers[below] >= layer && !slices.Contains(sameLayer[name], below) {
				t.Errorf("%q (layer %d) imports %q (layer %d)", name, layer, below, layers[below])
			}
		}
	}
}

func TestLightPackagesDoNotLinkGoMLX(t *testing.T) {
	packages := listPackages(t)
	for _, name := range light {
		p, ok := packages[name]
		if !ok {
			t.Errorf("package %q is missing", name)
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "github.com/gomlx/") {
				t.Errorf("%q links %s", name, dep)
				break
			}
		}
	}
}
