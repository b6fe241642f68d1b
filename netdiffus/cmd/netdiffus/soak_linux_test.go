//go:build !race

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/client"
	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// cyclesVariable asks for more cycles than the long form has: 200 are some eight hours of
// work, without the pauses.
const cyclesVariable = "NETDIFFUS_TEST_CYCLES"

// held is what processes hold at one time.
type held struct {
	memory     int64 // resident, bytes: of this process
	others     int64 // and of those that it started and that stay
	files      int   // open, of all
	goroutines int
	processes  int
	temporary  int // files and folders in the folder of temporary files
}

// TestSoak trains, draws and judges over and over in one process, and starts and stops a
// kernel; a page of runs and another kernel stay meanwhile, and are asked for something
// each time. Nothing that any of them holds grows.
func TestSoak(t *testing.T) {
	longtest.Only(t, "some minutes of training, drawing, judging and starting kernels")
	cycles := times(t, cyclesVariable, 12, 12)
	dir, tmp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	prepareTiny(t, dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	do := func(args ...string) {
		t.Helper()
		if _, log, err := execute(t.Context(), args...); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, log)
		}
	}
	do("invert", "--in", at("atoms"), "--out", at("two.parquet"))

	// What stays: a kernel, and the page of a run.
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	installed, remove, err := jupyter.TemporaryKernel(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	spec, err := kernelspec.Read(filepath.Join(installed.Data, "kernels", installed.Name))
	if err != nil {
		t.Fatal(err)
	}
	start := func() *client.Kernel {
		t.Helper()
		env := os.Environ()
		for name, value := range spec.Env {
			env = append(env, name+"="+value)
		}
		k, err := client.Start(t.Context(), spec.Argv, env, dir)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	stays := start()
	defer stays.Close()
	do("train", "--data-dir", at("atoms"), "--run", at("runs/kept"), "--order", "1", "--backend", "go")
	page := servePage(t, at("runs"))

	var seen []held
	began := time.Now()
	for i := range cycles {
		run := at("runs/new")
		if i%2 == 0 {
			do("train", "--data-dir", at("atoms"), "--run", run, "--order", "1", "--backend", "go")
		} else {
			do("train", "--data-dir", at("atoms"), "--run", run, "--config", at("tiny.yaml"), "--preset", "quick",
				"--steps", "2", "--batch-size", "4", "--backend", "go", "--save-interval", "1")
		}
		do("sample", "--run", run, "--out", at("drawn"), "--num-samples", "8", "--backend", "go")
		do("evaluate", "--real-train", at("two.parquet"), "--real-test", at("two.parquet"), "--synthetic", at("drawn"), "--out", filepath.Join(run, "report"),
			"--tasks", "classification", "--per-class", "4", "--seeds", "1", "--trees", "5")
		if err := start().Close(); err != nil {
			t.Fatal(err)
		}
		if i%10 == 1 {
			if got, err := stays.Execute(t.Context(), "import \"fmt\"\n%%\nfmt.Println(1+1)"); err != nil || !strings.Contains(got.Stdout, "2") {
				t.Fatalf("a cell printed %+v, %v", got, err)
			}
		}
		ask(t, page)
		for _, name := range []string{"runs/new", "drawn"} {
			if err := os.RemoveAll(at(name)); err != nil {
				t.Fatal(err)
			}
		}
		seen = append(seen, holds(t, tmp))
		if i == 0 || (i+1)%20 == 0 {
			t.Logf("cycle %d, %v: %v", i+1, time.Since(began).Round(time.Second), seen[i])
		}
	}
	t.Logf("cycle %d, %v: %v", cycles, time.Since(began).Round(time.Second), seen[cycles-1])

	// The caches of the first cycles are full; from then on nothing grows. Memory is that
	// of the median, and may wander by an eighth.
	early, late := seen[cycles/4:cycles/2], seen[cycles-cycles/4:]
	for name, of := range map[string]func(held) int64{
		"memory of this process": func(h held) int64 { return h.memory },
		"memory of the others":   func(h held) int64 { return h.others },
	} {
		if a, b := median(early, of), median(late, of); b > a+a/8+4<<20 {
			t.Errorf("%s: %d MiB early, %d MiB late", name, a>>20, b>>20)
		}
	}
	for name, of := range map[string]func(held) int64{
		"open files":      func(h held) int64 { return int64(h.files) },
		"goroutines":      func(h held) int64 { return int64(h.goroutines) },
		"processes":       func(h held) int64 { return int64(h.processes) },
		"temporary files": func(h held) int64 { return int64(h.temporary) },
	} {
		if a, b := median(early, of), median(late, of); b > a {
			t.Errorf("%s: %d early, %d late", name, a, b)
		}
	}
	if t.Failed() {
		_ = filepath.WalkDir(tmp, func(path string, _ os.DirEntry, err error) error {
			t.Logf("temporary: %s %v", path, err)
			return nil
		})
	}
}

func (h held) String() string {
	return fmt.Sprintf("%d MiB here, %d MiB in %d other processes, %d open files, %d goroutines, %d temporary files",
		h.memory>>20, h.others>>20, h.processes, h.files, h.goroutines, h.temporary)
}

func median(list []held, of func(held) int64) int64 {
	var values []int64
	for _, h := range list {
		values = append(values, of(h))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// holds looks at this process, and at those below it.
func holds(t *testing.T, tmp string) held {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	debug.FreeOSMemory()
	h := held{goroutines: runtime.NumGoroutine()}
	below := descendants(t, os.Getpid())
	h.processes = len(below)
	for _, pid := range append([]int{os.Getpid()}, below...) {
		memory := resident(pid)
		if pid == os.Getpid() {
			h.memory = memory
		} else {
			h.others += memory
		}
		entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)) // it may just have ended
		h.files += len(entries)
	}
	err := filepath.WalkDir(tmp, func(string, os.DirEntry, error) error { h.temporary++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// resident is a process's resident memory, in bytes; 0 of one that has ended.
func resident(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// descendants are the processes that a process started, and those that they did.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		_, after, _ := strings.Cut(string(stat), ") ") // after the name: state, parent
		if fields := strings.Fields(after); len(fields) > 1 && fields[0] != "Z" {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], child)
		}
	}
	var below []int
	for next := children[pid]; len(next) > 0; {
		below = append(below, next[0])
		next = append(next[1:], children[next[0]]...)
	}
	return below
}

// servePage starts serve as a process of its own, and returns the address it prints.
func servePage(t *testing.T, root string) string {
	t.Helper()
	c := program(t, root, "serve", root, "--port", "0")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http://127.0.0.1:") {
		t.Fatalf("serve printed %q, %v", line, err)
	}
	go io.Copy(io.Discard, lines)
	return strings.TrimSpace(line)
}

// ask loads the page, which gives the browser a cookie, and the list of runs.
func ask(t *testing.T, page string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar}
	base, _, _ := strings.Cut(page, "/?token=")
	for _, address := range []string{page, base + "/api/runs"} {
		answer, err := browser.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", address, answer.Status, err)
		}
	}
}
