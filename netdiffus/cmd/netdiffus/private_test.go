package main

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// canaries are words that stand for what may not be told: the home folder, the user, the
// machine, a secret in the environment.
var canaries = map[string]string{
	"the home folder": "canaryhome", "the user": "canaryuser", "the host": canaryHost, "a token": "canarytoken",
}

const canaryHost = "canaryhost"

// TestNothingIsGivenAway runs a whole walk where the home folder, the user's name, the host
// and the environment are known words, with absolute paths throughout, and looks for these
// words in every file that it writes.
func TestNothingIsGivenAway(t *testing.T) {
	top := t.TempDir()
	home := filepath.Join(top, "canaryhome")
	work, data := filepath.Join(home, "work"), filepath.Join(home, "data")
	for _, dir := range []string{work, data} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	in, err := os.ReadFile(sampleTraffic(t))
	if err != nil {
		t.Fatal(err)
	}
	flows := filepath.Join(data, "flows.parquet")
	if err := os.WriteFile(flows, in, 0o666); err != nil {
		t.Fatal(err)
	}
	hostKnown := canHideHost()
	do := func(code int, args ...string) {
		t.Helper()
		c := program(t, work, args...)
		c.Env = append(c.Env, "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(top, "cache"), "USER=canaryuser", "LOGNAME=canaryuser",
			"NETDIFFUS_RUNS_INDEX="+filepath.Join(top, "index"), "GITHUB_TOKEN=canarytoken", "TRACKIO_WRITE_TOKEN=canarytoken", "MLFLOW_TRACKING_PASSWORD=canarytoken")
		if hostKnown {
			nameHost(c, canaryHost)
		}
		if e := finish(t, c); e.code != code {
			t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), e.code, e.output)
		}
	}
	at := func(name string) string { return filepath.Join(home, "out", name) } // not below the working directory
	if err := os.MkdirAll(at("runs"), 0o777); err != nil {
		t.Fatal(err)
	}
	do(0, "convert", "--in", flows, "--classes", "dns,ssh", "--out", filepath.Join(data, "set"), "--codec", "atoms", "--layout", "per-class")
	do(0, "train", "--data-dir", filepath.Join(data, "set"), "--run", at("runs/first"), "--order", "1", "--backend", "go", "--track", "tensorboard")
	do(0, "train", "--data-dir="+filepath.Join(data, "set"), "--run", at("runs/first"), "--backend", "go")
	do(1, "train", "--data-dir", filepath.Join(data, "set"), "--run", at("runs/first"), "--backend", "go", "--resume-from-checkpoint", filepath.Join(data, "gone"))
	do(0, "sample", "--run", at("runs/first"), "--out", at("drawn"), "--num-samples", "20", "--backend", "go")
	do(0, "invert", "--in", at("drawn"), "--out", at("synthetic.parquet"))
	do(0, "card", at("runs/first"))
	if longtest.On() { // the verbs that compute
		do(0, "plot", "--real", flows, "--synthetic", at("drawn"), "--run", at("runs/first"), "--out", at("runs/first/plots"), "--format", "svg")
		do(0, "evaluate", "--real-train", flows, "--real-test", flows, "--synthetic", at("drawn"), "--out", at("runs/first/report"),
			"--tasks", "classification", "--per-class", "20", "--seeds", "1", "--trees", "10")
		do(0, "sweep", "--data-dir", filepath.Join(data, "set"), "--param", "chain.order=1,2", "--num-samples", "20", "--out", at("sweep"), "--backend", "go")
		do(0, "runs", "compare", at("runs/first"), at("sweep/trials/trial-0001"), "--html", at("compare.html"))
		do(0, "runs", "export", at("runs/first"), "--to", "csv", "--out", at("tables"))
		do(0, "runs", "rerun", at("runs/first"), "--data-dir", filepath.Join(data, "set"), "--run", at("again"), "--backend", "go", "--no-host")

		if manifest, err := os.ReadFile(filepath.Join(at("again"), "manifest.json")); err != nil || strings.Contains(string(manifest), `"host"`) {
			t.Errorf("--no-host: %v\n%s", err, manifest)
		}
	}
	files := 0
	look := func(path string, content []byte) {
		lower := bytes.ToLower(content)
		for what, word := range canaries {
			if i := bytes.Index(lower, []byte(word)); i >= 0 {
				t.Errorf("%s has %s: …%q…", path, what, content[max(0, i-80):min(len(content), i+40)])
			}
		}
	}
	err = filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(home, path)
		if err != nil {
			return err
		}
		look("the name of "+rel, []byte(rel))
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		look(rel, content)
		if archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
			for _, f := range archive.File {
				r, err := f.Open()
				if err != nil {
					return err
				}
				inner, err := io.ReadAll(r)
				if err != nil {
					return err
				}
				look(rel+"/"+f.Name, inner)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("the walk left %d files only", files)
	}
	t.Logf("%d files, host's name looked for: %t", files, hostKnown)
}
