package provenance

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the paths are Unix's")
	}
	p := privatePlaces{work: "/home/ada b/work", home: "/home/ada b"}
	for _, c := range []struct{ text, want string }{
		{"train", "train"},
		{"runs/first", "runs/first"},
		{"./set", "./set"},
		{"/home/ada b/work/runs/first", "runs/first"},
		{"/home/ada b/work", "."},
		{"/home/ada b", "…"},
		{"/home/ada b/sets/atoms", "…/atoms"},
		{"/data/atoms/", "…/atoms"},
		{"/", "…"},
		{"~/sets/atoms", "…/atoms"},
		{"~ada/sets/atoms", "…/atoms"},
		{"~", "…"},
		{"..", "…"},
		{"../../ada/atoms", "…/atoms"},
		{"a/../../ada/atoms", "…/atoms"},
		{"--data-dir=/data/ada/atoms", "--data-dir=…/atoms"},
		{"/data/ada/a,/data/ada/b", "…/a,…/b"},
		{"xla:/opt/ada/plugin.so", "xla:…/plugin.so"},
		{"mlflow=http://ada.example:5000/x?token=y,tensorboard=/home/ada/logs", "mlflow=http://…,tensorboard=…/logs"},
		{"training.lr=0.1/2", "training.lr=0.1/2"},
		{"1e-4:1e-2:log", "1e-4:1e-2:log"},
		{"open /data/ada/x.npz: no such file", "open …/x.npz: no such file"},
		{`"/data/ada/x.npz" (in /data/ada/set)`, `"…/x.npz" (in …/set)`},
		{"/home/ada b/sets/x.npz: damaged", "…/x.npz: damaged"},
		{"read and/or write", "read and/or write"},
		{"loss NaN, gradient +Inf", "loss NaN, gradient +Inf"},
		{`C:\Users\ada\x.npz: damaged`, "…/x.npz: damaged"},
	} {
		got := private(c.text, p)
		if got != c.want {
			t.Errorf("private(%q) = %q, want %q", c.text, got, c.want)
		}
		if again := private(got, p); again != got {
			t.Errorf("private(%q) = %q: twice is not once", got, again)
		}
	}
}

func TestBase(t *testing.T) {
	for path, want := range map[string]string{"…/set": "set", "set": "", "/data/set": "", "…": "", "…/../x": ""} {
		if got, ok := Base(path); ok != (want != "") || ok && got != want {
			t.Errorf("Base(%q) = %q, %v, want %q", path, got, ok, want)
		}
	}
	if got, ok := Base(Private(filepath.Join(t.TempDir(), "set"))); !ok || got != "set" {
		t.Errorf("Base of a private path = %q, %v", got, ok)
	}
}

func TestMachineIsNoHostName(t *testing.T) {
	if got := Machine(); got != "" && (!strings.HasPrefix(got, "machine-") || len(got) != len("machine-01234567")) {
		t.Errorf("Machine() = %q", got)
	}
	if machineName("a") == machineName("b") {
		t.Error("two machines have one name")
	}
}
