package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// tree is the files below a folder: their hashes by name. Folders are not in it.
type tree map[string]string

// readTree reads the files of dir but those whose names match; a dir that is missing has none.
func readTree(t testing.TB, dir string, but *regexp.Regexp) tree {
	t.Helper()
	out := tree{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || e.IsDir() || but != nil && but.MatchString(filepath.ToSlash(rel)) {
			return err
		}
		content, err := os.ReadFile(path)
		out[rel] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return out
}

// differs names the first file in which two trees differ, "" where they are equal.
func (a tree) differs(b tree) string {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if got, there := b[name]; !there {
			return name + " is gone"
		} else if got != a[name] {
			return name + " is another"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[name]; !there {
			return name + " is new"
		}
	}
	return ""
}

// copyTree copies a folder, which may be missing, to a name that is free.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if _, err := os.Stat(from); os.IsNotExist(err) {
		return
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// tinyModel is a network that trains in hundredths of a second a step without XLA.
const tinyModel = "atoms: {base: independent, trunk: mlp, width: 64, blocks: 1}\ntraining: {lr_decay: false}\n"

// tinyTraining is the command that trains it, in run to so many steps, each saved.
func tinyTraining(run string, steps string) []string {
	return []string{"train", "--data-dir", "atoms", "--run", run, "--config", "tiny.yaml", "--preset", "quick",
		"--steps", steps, "--batch-size", "4", "--backend", "go", "--save-interval", "1"}
}

// prepareTiny fills a folder with what the tests of processes work on: flows, a set of two
// classes, another of series of other flows, the settings of a tiny network.
func prepareTiny(t testing.TB, dir string) {
	t.Helper()
	flows, err := os.ReadFile(sampleTraffic(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"flows.parquet": flows, "tiny.yaml": []byte(tinyModel)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	succeed(t, dir, "convert", "--in", "flows.parquet", "--classes", "dns,ssh", "--out", "atoms", "--codec", "atoms", "--layout", "per-class")
}
