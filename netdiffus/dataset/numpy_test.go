package dataset

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// TestNumPyReadsArrays: what guided-diffusion's users do with samples.
func TestNumPyReadsArrays(t *testing.T) {
	if err := exec.Command("python3", "-c", "import numpy").Run(); err != nil {
		t.Skip("python3 has no NumPy")
	}
	dir := filepath.Join(t.TempDir(), "set")
	set := mustBuild(t, sample(), Recipe{Rendering: &imaging.Rendering{Color: "jet"}})
	if err := set.Save(dir, &SaveOptions{Layout: Arrays}); err != nil {
		t.Fatal(err)
	}
	const script = `
import numpy, sys
f = numpy.load(sys.argv[1])
print(f["arr_0"].shape, f["arr_0"].dtype, f["arr_1"].tolist(), f["arr_1"].dtype, f["arr_0"].sum())`
	out, err := exec.Command("python3", "-c", script, filepath.Join(dir, "samples_6x10x10x3.npz")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sum := 0
	for _, b := range set.Images.Bytes {
		sum += int(b)
	}
	fields := strings.Fields(string(out))
	if !strings.HasPrefix(string(out), "(6, 10, 10, 3) uint8 [2, 0, 2, 2, 0, 1] int64 ") || fields[len(fields)-1] != strconv.Itoa(sum) {
		t.Errorf("NumPy reads %s", out)
	}
}
