package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Every verb over runs of every state: what is wrong with one is said, breaks nothing, and
// keeps no other run from being found.
func TestVerbsOverFaultyRuns(t *testing.T) {
	const (
		noConfig = "config.json is missing"
		noData   = "are not there"
		readOnly = "permission denied"
		trained  = "in use by another trainer"
	)
	states := []struct {
		name string
		harm func(t *testing.T, dir string)
		says string            // `runs show`
		fail map[string]string // verbs that fail, and what they say
	}{
		{"of an older program", func(*testing.T, string) {}, "finished",
			map[string]string{"rerun": noData}},
		{"half deleted", func(t *testing.T, dir string) { must(t, os.Remove(track.ConfigFile(dir))) }, noConfig,
			map[string]string{"rerun": noConfig, "tensorboard": noConfig}},
		{"without its manifest", func(t *testing.T, dir string) { must(t, os.Remove(track.ManifestFile(dir))) }, "manifest.json cannot be read",
			map[string]string{"rerun": "manifest.json cannot be read"}},
		{"with a damaged line", func(t *testing.T, dir string) {
			must(t, os.WriteFile(track.MetricsFile(dir), []byte("{\"loss\":1,\"step\":1}\n\x00\xff garbage\n{\"loss\":0.5,\"step\":2}\n"), 0o666))
		}, "1 of 3 lines of metrics.jsonl are damaged, line 2 first", map[string]string{"rerun": noData}},
		{"being written", func(t *testing.T, dir string) {
			run, err := track.Create(dir)
			must(t, err)
			t.Cleanup(func() { run.Close() })
			must(t, os.WriteFile(track.MetricsFile(dir), []byte("{\"loss\":1,\"step\":1}\n{\"loss\":0.5,\"st"), 0o666))
		}, "training", map[string]string{"rerun": noData, "rm": trained}},
		{"on a disk that is only read", func(t *testing.T, dir string) { onlyRead(t, filepath.Dir(dir)) }, "finished",
			map[string]string{"rerun": noData, "rm": readOnly, "tag": readOnly, "note": readOnly, "card": readOnly}},
	}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			t.Setenv("NETDIFFUS_RUNS_INDEX", writable(t))
			out, root := writable(t), filepath.Join(t.TempDir(), "runs")
			dir := filepath.Join(root, "one")
			for _, name := range []string{"one", "sound"} {
				must(t, os.CopyFS(filepath.Join(root, name), os.DirFS(repository+"/netdiffus/testdata/v1/run-atoms")))
			}
			t.Chdir(out)
			state.harm(t, dir)
			do := func(verb string, args ...string) string {
				t.Helper()
				stdout, stderr, err := execute(context.Background(), args...)
				switch want := state.fail[verb]; {
				case want == "" && err != nil:
					t.Errorf("%s: %v", verb, err)
				case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
					t.Errorf("%s: error %v, want %q", verb, err, want)
				}
				return stdout + stderr
			}
			for range 2 { // the second time from the index
				if said := do("list", "runs", "list", "--in", root); !strings.Contains(said, "one") || !strings.Contains(said, "sound") {
					t.Errorf("list:\n%s", said)
				}
			}
			if said := do("show", "runs", "show", dir); !strings.Contains(said, state.says) {
				t.Errorf("show: want %q in\n%s", state.says, said)
			}
			do("show", "runs", "show", dir, "--json")
			do("compare", "runs", "compare", dir, filepath.Join(root, "sound"))
			do("compare", "runs", "compare", dir, filepath.Join(root, "sound"), "--html", "compare.html")
			do("csv", "runs", "export", dir, "--to", "csv", "--out", "tables")
			do("tensorboard", "runs", "export", dir, "--to", "tensorboard="+filepath.Join(out, "events"))
			do("card", "card", dir)
			do("tag", "runs", "tag", dir, "good")
			do("note", "runs", "note", dir, "a note")
			do("prune", "runs", "prune", dir, "--yes")
			do("rerun", "runs", "rerun", dir, "--run", "again")
			do("rm", "runs", "rm", dir, "--yes")
			_, err := os.Lstat(dir)
			if there := err == nil; there != (state.fail["rm"] != "") {
				t.Errorf("after rm the directory is there: %v", there)
			}
			if entries, err := os.ReadDir(root); err != nil || len(entries) > 2 {
				t.Errorf("left over: %v, %v", entries, err)
			}
			if said := do("list", "runs", "list", "--in", root); !strings.Contains(said, "sound") {
				t.Errorf("list after rm:\n%s", said)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writable is a folder that every user may write to.
func writable(t *testing.T) string {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o777))
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // which is its maker's alone
	return dir
}
