package npz

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNumPyReads has NumPy itself read our files, without pickles, and compare
// type, shape and values with what the names say.
func TestNumPyReads(t *testing.T) {
	python := os.Getenv("NETDIFFUS_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import numpy").CombinedOutput(); err != nil {
		t.Skipf("needs a Python with NumPy, as $NETDIFFUS_PYTHON or python3: %v: %s", err, out)
	}
	path := filepath.Join(t.TempDir(), "all.npz")
	if err := Write(path, every()...); err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, zipfile
import numpy as np
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
f = np.load(sys.argv[1], allow_pickle=False)
assert len(f.files) == 15, f.files
for key in f.files:
    a = f[key]
    assert a.flags["C_CONTIGUOUS"]
    if len(key) == 2:
        assert a.dtype.str[1:] == key, (key, a.dtype)
assert f["b1"].tolist() == [True, False, True]
for t in ["i1", "i2", "i4", "i8"]:
    i = np.iinfo(t)
    assert f[t].ravel().tolist() == [i.min, i.max], t
for t in ["u1", "u2", "u4", "u8"]:
    assert f[t].ravel()[-1] == np.iinfo(t).max, t
assert f["f4"].tolist() == np.array([-0.1, np.inf, np.finfo("f4").max, np.finfo("f4").smallest_subnormal], "f4").tolist()
assert f["f8"].shape == (2, 1, 2) and f["f8"][0, 0, 0] == -0.1
assert f["number"].shape == () and f["number"] == 42
assert f["empty"].shape == (0, 10, 10, 1)
assert (f["long"][:, 0] == np.sqrt(np.arange(len(f["long"])))).all()
`
	if out, err := exec.Command(python, "-c", script, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
