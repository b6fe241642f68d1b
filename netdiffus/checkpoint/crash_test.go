//go:build unix

package checkpoint

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// The tests of this file run the test binary again as another process, told by
// these variables what to do.
const (
	saverDir  = "NETDIFFUS_TEST_SAVER" // save into this folder until killed
	fullDir   = "NETDIFFUS_TEST_FULL"  // save into this folder with files limited in size
	bigTensor = 1 << 20                // bytes: some milliseconds to write
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(saverDir) != "":
		saveForEver(os.Getenv(saverDir))
	case os.Getenv(fullDir) != "":
		saveOnFullDisk(os.Getenv(fullDir))
	default:
		os.Exit(m.Run())
	}
}

// bigState has tensors whose every byte is the step's.
func bigState(step int) State {
	data := make([]byte, bigTensor)
	for i := range data {
		data[i] = byte(step)
	}
	t := Tensors{"a": {DType: "U8", Shape: []int{bigTensor}, Data: data}}
	return State{Step: step, Model: t, EMA: map[string]Tensors{"0.9": t}, Optim: t}
}

func saveForEver(dir string) {
	steps, err := List(dir)
	if err != nil {
		panic(err)
	}
	step := 0
	if len(steps) > 0 {
		step = steps[len(steps)-1]
	}
	for {
		step++
		if _, err := Save(dir, bigState(step)); err != nil {
			panic(err)
		}
		if err := Prune(dir, 2); err != nil {
			panic(err)
		}
		fmt.Println(step)
	}
}

// TestKill kills a process that does nothing but save, at any moment, again and
// again. The newest checkpoint must load each time, none may be damaged, and
// none that was reported saved may be gone. GoMLX's own checkpoints did not load
// after 9 of 12 such kills.
func TestKill(t *testing.T) {
	const kills = 20
	dir := t.TempDir()
	leftovers := 0
	for range kills {
		reported := saveAndKill(t, dir)
		c, damaged, err := OpenLatest(dir)
		if err != nil || len(damaged) > 0 {
			t.Fatalf("after a kill: %v, damaged %v", err, damaged)
		}
		if c.Step < reported {
			t.Fatalf("step %d was reported saved, the newest that loads is %d", reported, c.Step)
		}
		model, err := c.Model()
		if err != nil || model["a"].Data[0] != byte(c.Step) || model["a"].Data[bigTensor-1] != byte(c.Step) {
			t.Fatalf("step %d holds other weights (%v)", c.Step, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > 5 { // two checkpoints kept, one more before pruning, one being removed, one staged
			t.Fatalf("leftovers pile up: %v", entries)
		}
		for _, e := range entries {
			if _, _, staged := atomicfile.StagedFor(e.Name()); staged {
				leftovers++
			}
		}
	}
	t.Logf("%d kills, %d leftovers seen", kills, leftovers)
}

// saveAndKill starts a process that saves into dir, kills it some time after its
// first save, and returns the last step that it reported saved.
func saveAndKill(t *testing.T, dir string) int {
	t.Helper()
	saver := exec.Command(os.Args[0])
	saver.Env = append(os.Environ(), saverDir+"="+dir)
	saver.Stderr = os.Stderr
	out, err := saver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := saver.Start(); err != nil {
		t.Fatal(err)
	}
	reported := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if reported == 0 {
			time.AfterFunc(time.Duration(rand.IntN(60))*time.Millisecond, func() { saver.Process.Kill() })
		}
		if reported, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("the saver said %q", lines.Text())
		}
	}
	saver.Wait()
	if reported == 0 {
		t.Fatal("the saver saved nothing")
	}
	return reported
}

// saveOnFullDisk saves twice: a small state, then one that does not fit.
func saveOnFullDisk(dir string) {
	signal.Ignore(unix.SIGXFSZ)
	limit := unix.Rlimit{Cur: bigTensor / 2, Max: bigTensor / 2}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("cannot limit:", err)
		return
	}
	if _, err := Save(dir, State{Step: 1}); err != nil {
		fmt.Println("small:", err)
	}
	_, err := Save(dir, bigState(2))
	fmt.Println("big:", err)
}

// TestFullDisk: a write that fails must be reported, and what was saved before
// must still load. GoMLX's Save returned nil here.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	saver := exec.Command(os.Args[0])
	saver.Env = append(os.Environ(), fullDir+"="+dir)
	out, err := saver.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.HasPrefix(string(out), "cannot limit") {
		t.Skipf("the system does not limit file sizes: %s", out)
	}
	if !strings.HasPrefix(string(out), "big:") || !strings.Contains(string(out), "file too large") {
		t.Errorf("saving reported %q, want the big one to fail", out)
	}
	c, damaged, err := OpenLatest(dir)
	if err != nil || c.Step != 1 || len(damaged) > 0 {
		t.Errorf("OpenLatest = %+v, %v, %v; want step 1", c, damaged, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp-*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
