package beam

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/container/pool"
	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// faultsVariable names a folder in which workers, processes of this test's program, note
// how often they have died; each place lets the first worker die that comes by.
const faultsVariable = "NETDIFFUS_BEAM_FAULTS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(faultsVariable); dir != "" {
		fault = dying(dir, func(where string) {
			p, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = p.Kill() // as the system does where memory is short: nothing is cleaned up
			}
			fmt.Fprintln(os.Stderr, "dying:", where, err)
			select {}
		})
	}
	Main(os.Args)
	os.Exit(m.Run())
}

// dying is a fault that calls die the first time that anything comes to each place, and at
// two places out of three of each name.
func dying(dir string, die func(where string)) func(where, name string) {
	return func(where, name string) {
		key := where + "-" + name
		if noise.Key(key)%3 == 0 {
			return
		}
		f, err := os.OpenFile(filepath.Join(dir, key), os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return // died here before
		}
		f.Close()
		die(key)
	}
}

// deaths are the places where workers have died.
func deaths(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// device is what tests compute on: chains need no more than Go.
const device = "go"

// newRun makes a run of the merged chain over flows of three classes.
func newRun(t *testing.T) string {
	t.Helper()
	var flows []traffic.Flow
	for i := range 60 {
		up := traffic.Packet{Length: 100 + i%7, Dir: traffic.Up}
		down := traffic.Packet{Length: 1400 - i%5, Dir: traffic.Down}
		flows = append(flows,
			traffic.Flow{Label: "ask", Packets: []traffic.Packet{up, down, down, down}},
			traffic.Flow{Label: "push", Packets: []traffic.Packet{up, up}},
			traffic.Flow{Label: "send", Packets: []traffic.Packet{up, up, up, down}[:2+i%3]})
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: netdiffus.Chain{}.Codec()}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := netdiffus.Presets[netdiffus.PresetFor(set)]().Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	d, err := backend.Open(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range train.Run(t.Context(), d, c, set, train.Options{Dir: dir}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// whole draws what o asks for without Beam, at once, and returns the folder.
func whole(t *testing.T, o SampleOptions) string {
	t.Helper()
	d, err := backend.Open(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	g, err := sample.Open(d, o.Run)
	if err != nil {
		t.Fatal(err)
	}
	set, err := g.Draw(t.Context(), sample.Request{N: o.N, Seed: o.Seed})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "whole")
	if err := set.Save(dir, &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// merged merges shards as the program does, and returns the folder.
func merged(t *testing.T, shards string) string {
	t.Helper()
	all, err := dataset.OpenShards(shards)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "merged")
	if err := all.Merge(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sameFolders fails the test where two folders do not hold the same files.
func sameFolders(t *testing.T, got, want string) {
	t.Helper()
	names, err := filesIn(want)
	if err != nil {
		t.Fatal(err)
	}
	have, err := filesIn(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(have, " ") != strings.Join(names, " ") {
		t.Fatalf("files %q, want %q", have, names)
	}
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(got, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(want, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("%s is not the same to the byte", name)
		}
	}
}

// onlyShards fails the test where something else than shards is left in a folder.
func onlyShards(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "shard-") {
			t.Errorf("%s was left in the output", e.Name())
		}
	}
}

func pinned(t *testing.T, o SampleOptions) SampleOptions {
	t.Helper()
	o, err := o.Pinned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func runSample(ctx context.Context, tries int, o SampleOptions) error {
	_, err := Run(ctx, "prism", tries, func(s sdk.Scope) { Sample(s, o) })
	return err
}

func TestSample(t *testing.T) {
	o := SampleOptions{Run: newRun(t), Device: device, Out: filepath.Join(t.TempDir(), "many"), N: 23, Shards: 5, Seed: 7}
	want := whole(t, o)
	pinned := pinned(t, o)
	for range 2 { // the second time all are there
		if err := runSample(t.Context(), 1, pinned); err != nil {
			t.Fatal(err)
		}
		onlyShards(t, o.Out)
		sameFolders(t, merged(t, o.Out), want)
	}
	other := pinned
	other.Seed++
	if err := runSample(t.Context(), 1, other); err == nil || !strings.Contains(err.Error(), "another model or request") {
		t.Errorf("shards of another seed in their place: %v", err)
	}
	for name, change := range map[string]func(*SampleOptions){
		"no class":       func(o *SampleOptions) { o.Classes = []string{"none"} },
		"sampler":        func(o *SampleOptions) { o.Sampler = "none" },
		"in 24 shards":   func(o *SampleOptions) { o.Shards = 24 },
		"are needed":     func(o *SampleOptions) { o.Run = "" },
		"neither a run":  func(o *SampleOptions) { o.Run = t.TempDir() },
		"not registered": func(o *SampleOptions) { o.Run = "nowhere://bucket/run" },
	} {
		bad := o
		change(&bad)
		if _, err := bad.Pinned(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want %q", bad, err, name)
		}
	}
}

// Work that fails at any place, by a panic, is done again, and nothing of it shows.
func TestSampleOfWorkThatPanics(t *testing.T) {
	dir := t.TempDir()
	fault = dying(dir, func(where string) { panic("dying: " + where) })
	defer func() { fault = func(string, string) {} }()
	o := SampleOptions{Run: newRun(t), Device: device, Out: filepath.Join(t.TempDir(), "many"), N: 11, Shards: 4, Seed: 3}
	if err := runSample(t.Context(), 40, pinned(t, o)); err != nil {
		t.Fatal(err)
	}
	if n := len(deaths(t, dir)); n < 8 {
		t.Errorf("only %d failures: %q", n, deaths(t, dir))
	}
	fault = func(string, string) {}
	onlyShards(t, o.Out)
	sameFolders(t, merged(t, o.Out), whole(t, o))
}

// The same with workers that are processes of their own and are killed. Two pipelines
// after one another find what killed ones have left.
func TestSampleOfWorkersThatAreKilled(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(faultsVariable, dir)
	useWorkerProcesses(t)
	o := SampleOptions{Run: newRun(t), Device: device, Out: filepath.Join(t.TempDir(), "many"), N: 11, Shards: 4, Seed: 3}
	for range 2 {
		if err := runSample(t.Context(), 40, pinned(t, o)); err != nil {
			t.Fatal(err)
		}
		onlyShards(t, o.Out)
		sameFolders(t, merged(t, o.Out), whole(t, o))
	}
	if n := len(deaths(t, dir)); n < 8 {
		t.Errorf("only %d workers died: %q", n, deaths(t, dir))
	}
}

// freePort is a port that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// useWorkerProcesses lets runners work in processes of this test's program, which Beam's own
// pool starts.
func useWorkerProcesses(t *testing.T) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // workers that are killed leave their work behind
	port := freePort(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	workers, err := pool.New(t.Context(), port, self)
	if err != nil {
		t.Fatal(err)
	}
	go workers.ServeAndWait()
	kind, config := *jobopts.EnvironmentType, *jobopts.EnvironmentConfig
	*jobopts.EnvironmentType, *jobopts.EnvironmentConfig = "EXTERNAL", fmt.Sprintf("localhost:%d", port)
	t.Cleanup(func() {
		*jobopts.EnvironmentType, *jobopts.EnvironmentConfig = kind, config
		workers.Stop(context.Background())
	})
}

// Runs and shards can lie where only Beam's file systems reach.
func TestSampleElsewhere(t *testing.T) {
	run := newRun(t)
	names, err := filesIn(run)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(run, name))
		if err != nil {
			t.Fatal(err)
		}
		memfs.Write("memfs://bucket/runs [1]/run/"+name, text)
	}
	o := SampleOptions{Run: "memfs://bucket/runs [1]/run", Device: device, Out: "memfs://bucket/many", N: 9, Shards: 2}
	if err := runSample(t.Context(), 1, pinned(t, o)); err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := fetch(t.Context(), o.Out, copied, "*", "*/*", "*/*/*"); err != nil {
		t.Fatal(err)
	}
	onlyShards(t, copied)
	o.Run = run
	sameFolders(t, merged(t, copied), whole(t, o))
}

// Two workers that draw the same shard at once, one taken for dead, say, bring the same.
func TestShardDrawnTwiceAtOnce(t *testing.T) {
	o := SampleOptions{Run: newRun(t), Device: device, Out: filepath.Join(t.TempDir(), "many"), N: 8, Shards: 1}
	started := make(chan struct{}, 2)
	both := make(chan struct{})
	go func() { <-started; <-started; close(both) }()
	fault = func(where, name string) {
		if where == "staged" {
			started <- struct{}{}
			select {
			case <-both:
			case <-time.After(time.Minute):
			}
		}
	}
	defer func() { fault = func(string, string) {} }()
	p := pinned(t, o)
	errs := make(chan error)
	for range 2 {
		f := &drawFn{Options: p}
		if err := f.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := f.ProcessElement(t.Context(), 0)
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	sameFolders(t, merged(t, o.Out), whole(t, o))
}
