//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// fileLimit is the environment variable with the size, in bytes, that files of the program
// under test may have.
const fileLimit = "NETDIFFUS_TEST_FILE_LIMIT"

// limitFiles does what fileLimit says.
func limitFiles() error {
	text := os.Getenv(fileLimit)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n})
}

// writer is a verb that writes, and the folder or file out that it writes.
type writer struct {
	name string
	args func(out string) []string
	// before is run first without a fault, over nothing: what it leaves has to be there
	// after a failure. nil means that out is new.
	before func(out string) []string
	slow   bool // of the long form only
	few    bool // with every fourth fault only: it computes for seconds
}

// writers are the verbs, in a folder that prepareTiny and TestFailingDisk filled.
var writers = []writer{
	{name: "convert", args: func(out string) []string {
		return []string{"convert", "--in", "flows.parquet", "--classes", "dns,ssh", "--out", out, "--codec", "atoms", "--layout", "per-class", "--overwrite"}
	}, before: func(out string) []string {
		return []string{"convert", "--in", "flows.parquet", "--classes", "ssh", "--out", out, "--layout", "per-class"}
	}},
	{name: "train", args: func(out string) []string { return tinyTraining(out, "3") },
		before: func(out string) []string { return tinyTraining(out, "1") }},
	{name: "train-counted", slow: true, args: func(out string) []string {
		return []string{"train", "--data-dir", "atoms", "--run", out, "--order", "1", "--backend", "go"}
	}},
	{name: "sample", args: func(out string) []string {
		return []string{"sample", "--run", "run", "--out", out, "--num-samples", "8", "--backend", "go", "--overwrite"}
	}, before: func(out string) []string {
		return []string{"sample", "--run", "run", "--out", out, "--num-samples", "2", "--backend", "go"}
	}},
	{name: "invert", args: func(out string) []string { return []string{"invert", "--in", "drawn", "--out", out + "/x.parquet"} },
		before: func(out string) []string { return []string{"invert", "--in", "atoms", "--out", out + "/x.parquet"} }},
	{name: "export", slow: true, args: func(out string) []string {
		return []string{"export", "--run", "net", "--out", out + "/x.pt", "--overwrite"}
	}, before: func(out string) []string {
		return []string{"export", "--run", "net", "--weights", "model", "--out", out + "/x.pt"}
	}},
	{name: "card", slow: true, args: func(out string) []string {
		return []string{"card", "run", "--out", out, "--licence", "CC0", "--overwrite"}
	}, before: func(out string) []string { return []string{"card", "run", "--out", out, "--licence", "none"} }},
	{name: "runs-export", slow: true, args: func(out string) []string { return []string{"runs", "export", "run", "--to", "csv", "--out", out} }},
	{name: "plot", slow: true, args: func(out string) []string {
		return []string{"plot", "--real", "atoms", "--synthetic", "drawn", "--out", out, "--format", "svg"}
	}, before: func(out string) []string {
		return []string{"plot", "--real", "atoms", "--synthetic", "drawn", "--out", out, "--format", "svg", "--bins", "7"}
	}},
	{name: "evaluate", slow: true, few: true, args: func(out string) []string {
		return []string{"evaluate", "--real-train", "two.parquet", "--real-test", "two.parquet", "--synthetic", "drawn", "--out", out,
			"--tasks", "classification", "--per-class", "4", "--seeds", "1", "--trees", "5"}
	}},
	{name: "sweep", slow: true, args: func(out string) []string {
		return []string{"sweep", "--data-dir", "atoms", "--param", "chain.order=1", "--num-samples", "8", "--out", out, "--backend", "go"}
	}},
	{name: "kernel-install", slow: true, args: func(out string) []string {
		return []string{"kernel", "install", "--prefix", out, "--backend", "go", "--no-warm", "--module", cloneFolder}
	}},
}

// cloneFolder is the folder of the clone that the tests run in.
var cloneFolder, _ = filepath.Abs(repository)

// changing are the files that hold times and process numbers, or differ from run to run
// for another good reason, such as where they lie.
var changing = regexp.MustCompile(`(^|/)(manifest\.json|\.lock|metrics\.jsonl|log\.txt|results\.jsonl|kernel\.json|sweep\.png|table\.csv|report\.html|metrics\.json|MODEL_CARD.*|runs\.csv)$`)

// fault is one way in which a disk fails.
type fault struct {
	name string
	// start returns the command that runs the program with the fault, writing to out.
	start func(t testing.TB, dir, out string, args func(out string) []string) (c *exec.Cmd, at string)
}

// TestFailingDisk runs every verb that writes, on a disk that fails at one place after the
// other: files that may not grow, a full file system, one that cannot be written, calls
// that return EIO or ENOSPC. Each failure ends with an exit code that is not 0 and names the
// path, leaves what was there before, and does not keep the same command from
// succeeding afterwards. Each success is one: it leaves what it leaves without a fault.
func TestFailingDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program many times")
	}
	dir := t.TempDir()
	prepareTiny(t, dir)
	succeed(t, dir, "train", "--data-dir", "atoms", "--run", "run", "--order", "1", "--backend", "go")
	succeed(t, dir, tinyTraining("net", "2")...)
	succeed(t, dir, "sample", "--run", "run", "--out", "drawn", "--num-samples", "8", "--backend", "go")
	succeed(t, dir, "invert", "--in", "atoms", "--out", "two.parquet")
	points, failed := 0, 0
	for _, w := range writers {
		if w.slow && !longtest.On() {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			p, f := w.sweep(t, dir)
			points, failed = points+p, failed+f
		})
	}
	t.Logf("%d points, at %d of them the command failed", points, failed)
	if longtest.On() && failed < 150 {
		t.Errorf("%d failures were provoked, want 150", failed)
	}
}

// sweep runs w with each fault.
func (w writer) sweep(t *testing.T, dir string) (points, failed int) {
	// The state before, and that after a run without fault.
	before, clean := filepath.Join(dir, w.name+"-before"), filepath.Join(dir, w.name+"-clean")
	if err := os.Mkdir(before, 0o777); err != nil {
		t.Fatal(err)
	}
	if w.before != nil {
		succeed(t, dir, w.before(before)...)
	}
	copyTree(t, before, clean)
	succeed(t, dir, w.args(clean)...)
	kept, want := readTree(t, before, changing), readTree(t, clean, changing)
	wantNames := readTree(t, clean, nil)
	if w.name == "train" { // one that cannot write a checkpoint tries the next: the last one counts
		for _, names := range []tree{want, wantNames} {
			maps.DeleteFunc(names, func(name, _ string) bool {
				return strings.HasPrefix(name, "checkpoints") && !strings.HasPrefix(name, "checkpoints/step-00000003")
			})
		}
	}
	differs := func(at string) string {
		got := readTree(t, at, changing)
		if w.name == "train" {
			maps.DeleteFunc(got, func(name, _ string) bool { _, wanted := want[name]; return !wanted })
		}
		return want.differs(got)
	}

	for i, f := range faults(t, clean) {
		if w.few && i%4 != 0 {
			continue
		}
		name := w.name + "-out"
		out := filepath.Join(dir, name)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
		copyTree(t, before, out)
		c, at := f.start(t, dir, out, w.args)
		e := finish(t, c)
		points++
		after := readTree(t, at, nil)
		for file := range after { // what a failure leaves of staging
			if _, _, staged := atomicfile.StagedFor(firstStaged(file)); staged {
				t.Errorf("%s, %s: it leaves %s", w.name, f.name, file)
				delete(after, file)
			}
		}
		if e.code == 0 {
			if d := differs(at); d != "" {
				t.Errorf("%s, %s: it succeeds, and yet %s\n%s", w.name, f.name, d, e.output)
			}
			for file := range wantNames {
				if _, there := after[file]; !there {
					t.Errorf("%s, %s: it succeeds without %s\n%s", w.name, f.name, file, e.output)
				}
			}
			continue
		}
		failed++
		if strings.Contains(e.output, "goroutine ") || e.code < 0 {
			t.Errorf("%s, %s: it crashes:\n%.2000s", w.name, f.name, e.output)
		}
		if !strings.Contains(e.output, filepath.Base(at)) {
			t.Errorf("%s, %s: the path is not named:\n%s", w.name, f.name, e.output)
		}
		now := readTree(t, at, changing)
		for file, sum := range kept {
			// A file may be the new one, complete, where only the flushing of its folder failed. A
			// training that fails may have got further: what it pruned is no loss.
			if got := now[file]; got != sum && got != want[file] && !(w.name == "train" && strings.HasPrefix(file, "checkpoints")) {
				t.Errorf("%s, %s: %s is not what it was before", w.name, f.name, file)
			}
		}
		if w.name == "train" || w.name == "train-counted" || w.name == "sweep" {
			// The same command goes on.
			heal(at)
			if e := finish(t, program(t, dir, w.args(at)...)); e.code != 0 {
				t.Errorf("%s, %s: afterwards it fails without a fault:\n%s", w.name, f.name, e.output)
			} else if d := differs(at); d != "" {
				t.Errorf("%s, %s: afterwards, without a fault, %s", w.name, f.name, d)
			}
		}
	}
	t.Logf("%s: %d points, %d failures", w.name, points, failed)
	return points, failed
}

// firstStaged is the first element of a path that is a staging name, or its last.
func firstStaged(path string) string {
	for _, element := range strings.Split(filepath.ToSlash(path), "/") {
		if _, _, staged := atomicfile.StagedFor(element); staged {
			return element
		}
	}
	return filepath.Base(path)
}

// faults are the ways to fail, for a verb that leaves what is in clean.
func faults(t *testing.T, clean string) (list []fault) {
	sizes, total := sizesOf(t, clean)
	var limits []int64
	for _, size := range sizes { // at the start, in the midst and at the last byte of each size of file
		limits = append(limits, size/2, size-1)
	}
	limits = append([]int64{0, 1}, thin(limits, pick(3, 8))...)
	for _, limit := range limits {
		list = append(list, fault{fmt.Sprintf("files of at most %d bytes", limit), func(t testing.TB, dir, out string, args func(string) []string) (*exec.Cmd, string) {
			c := program(t, dir, args(out)...)
			c.Env = append(c.Env, fmt.Sprintf("%s=%d", fileLimit, limit))
			return c, out
		}})
	}
	if strace, err := exec.LookPath("strace"); err == nil && canTrace(strace) {
		for _, call := range []string{"fsync:error=EIO", "renameat:error=EIO", "mkdirat:error=ENOSPC", "pwrite64,ftruncate:error=EIO"} {
			for when := 1; when <= pick(1, 3); when++ {
				list = append(list, fault{fmt.Sprintf("%s, call %d", call, when), func(t testing.TB, dir, out string, args func(string) []string) (*exec.Cmd, string) {
					c := program(t, dir, args(out)...)
					names, _, _ := strings.Cut(call, ":")
					c.Args = append([]string{strace, "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=" + names, "-e", fmt.Sprintf("inject=%s:when=%d", call, when), c.Path}, c.Args[1:]...)
					c.Path = strace
					return c, out
				}})
			}
		}
	}
	if os.Geteuid() == 0 {
		for i := range pick(2, 6) {
			room := total * int64(i) / int64(pick(2, 6)) // beyond what is there before
			list = append(list, fault{fmt.Sprintf("a file system with %d bytes free", room), func(t testing.TB, dir, out string, args func(string) []string) (*exec.Cmd, string) {
				at := mountSmall(t, out, room)
				return program(t, dir, args(at)...), at
			}})
		}
		list = append(list, fault{"a file system that cannot be written", func(t testing.TB, dir, out string, args func(string) []string) (*exec.Cmd, string) {
			at := mountSmall(t, out, 1<<20)
			if err := unix.Mount("", filepath.Dir(at), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			return program(t, dir, args(at)...), at
		}})
	}
	return list
}

// thin keeps n of list, evenly.
func thin(list []int64, n int) (kept []int64) {
	for i := range min(n, len(list)) {
		kept = append(kept, list[i*len(list)/min(n, len(list))])
	}
	return kept
}

// sizesOf returns the different sizes of the files in dir, rising, and the sum of all.
func sizesOf(t *testing.T, dir string) (sizes []int64, total int64) {
	seen := map[int64]bool{}
	for name := range readTree(t, dir, nil) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		total += (info.Size() + 4095) &^ 4095
		if size := info.Size(); size > 1 && !seen[size] {
			seen[size], sizes = true, append(sizes, size)
		}
	}
	return sizes, total
}

// mountSmall moves out to a file system in memory with so much room beside it, and returns
// where it is.
func mountSmall(t testing.TB, out string, room int64) string {
	t.Helper()
	top := t.TempDir()
	if err := unix.Mount("tmpfs", top, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(top, unix.MNT_DETACH) })
	at := filepath.Join(top, filepath.Base(out))
	copyTree(t, out, at)
	var s unix.Statfs_t
	if err := unix.Statfs(top, &s); err != nil {
		t.Fatal(err)
	}
	used := (int64(s.Blocks) - int64(s.Bfree)) * s.Bsize
	if err := unix.Mount("tmpfs", top, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", max(4096, used+room))); err != nil {
		t.Fatal(err)
	}
	return at
}

// heal makes a file system of mountSmall's large and writable; elsewhere it does nothing.
func heal(at string) { _ = unix.Mount("tmpfs", filepath.Dir(at), "tmpfs", unix.MS_REMOUNT, "size=64m") }

// canTrace reports whether strace works here: containers forbid it at times.
func canTrace(strace string) bool {
	return exec.Command(strace, "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true").Run() == nil
}
