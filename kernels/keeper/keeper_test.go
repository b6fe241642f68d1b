//go:build unix

package keeper

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Args[0] == Name {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// within is how long things may take that take a tenth of a second on a quiet
// machine.
const within = time.Minute

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for begun := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > within {
			t.Fatalf("after %v: %s", within, what)
		}
	}
}

// alive reports whether there is a process of that number that has not ended.
func alive(pid int) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err == nil && !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(pid, 0) == nil
}

// family is a script that leaves every sort of process behind: a plain child, one
// in a session of its own, one that also ignores SIGTERM, and an orphan without an
// environment. Their numbers are in the directory's tmp.
const family = `
cd $` + DirEnv + `/tmp
sleep 1000 & echo $! > plain
setsid sleep 1001 & echo $! > session
(trap '' TERM; setsid sh -c 'echo $$ > stubborn; while :; do sleep 1; done' &)
(env -i setsid sh -c 'echo $$ > orphan; exec sleep 1003' &)
while [ ! -s orphan ] || [ ! -s stubborn ]; do sleep 0.05; done
touch ready
`

func startFamily(t *testing.T, last string) (c *Child, dir string, pids []int) {
	t.Helper()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid on this machine")
	}
	c, err := Start(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	dir = c.Dir()
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := c.Run([]string{"sh", "-c", family + last}, os.Environ()); err != nil {
		t.Fatal(err)
	}
	ready := func() bool { _, err := os.Stat(filepath.Join(dir, "tmp", "ready")); return err == nil }
	waitFor(t, "the family has not started", ready)
	for _, name := range []string{"plain", "session", "stubborn", "orphan"} {
		text, err := os.ReadFile(filepath.Join(dir, "tmp", name))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || !alive(pid) {
			t.Fatalf("%s is not running: %q, %v", name, text, err)
		}
		pids = append(pids, pid)
	}
	return c, dir, pids
}

func wantGone(t *testing.T, dir string, pids []int) {
	t.Helper()
	waitFor(t, "processes are left", func() bool { return !slices.ContainsFunc(pids, alive) })
	waitFor(t, dir+" is left", func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) })
}

func TestStopLeavesNothing(t *testing.T) {
	c, dir, pids := startFamily(t, "sleep 1000")
	c.Stop()
	wantGone(t, dir, pids)
	if how := c.How(); how != "" {
		t.Errorf("How() = %q after Stop, want nothing", how)
	}
}

func TestKilledKernelLeavesNothing(t *testing.T) {
	c, dir, pids := startFamily(t, "sleep 1000")
	c.orders.Close() // all that a killed kernel does
	wantGone(t, dir, pids)
}

// TestKernelKilledEarly is a kernel that ends before it has said what to run.
func TestKernelKilledEarly(t *testing.T) {
	c, err := Start(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c.orders.Close() // all that a killed kernel does
	wantGone(t, c.Dir(), []int{c.cmd.Process.Pid})
}

func TestProgramThatIsNotThere(t *testing.T) {
	c, err := Start(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run([]string{"/no/such/program"}, nil); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("Run() = %v, want what was not found", err)
	}
	wantGone(t, c.Dir(), nil)
}

func TestLastOfEqualVariablesCounts(t *testing.T) {
	c, err := Start(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	env := append(os.Environ(), "KEPT=first", "KEPT=last")
	if err := c.Run([]string{"sh", "-c", "printf %s $KEPT >$" + DirEnv + "/tmp/kept; sleep 1000"}, env); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "KEPT is not the last one", func() bool {
		text, _ := os.ReadFile(filepath.Join(c.Dir(), "tmp", "kept"))
		return string(text) == "last"
	})
}

func TestEndOfTheProgramIsReported(t *testing.T) {
	c, dir, pids := startFamily(t, "sleep 2; exit 3")
	select {
	case <-c.Done():
	case <-time.After(within):
		t.Fatal("the program's end is not seen")
	}
	wantGone(t, dir, pids)
	if how := c.How(); how != "exit status 3" {
		t.Errorf("How() = %q, want exit status 3", how)
	}
}

// TestKilledKeeper kills the keeper: the kernel sees it and cleans up what it can
// still tell apart, which is all but what has no environment.
func TestKilledKeeper(t *testing.T) {
	c, dir, pids := startFamily(t, "sleep 1000")
	orphan := pids[3]
	c.cmd.Process.Kill()
	select {
	case <-c.Done():
	case <-time.After(within):
		t.Fatal("the keeper's end is not seen")
	}
	syscall.Kill(orphan, syscall.SIGKILL)
	wantGone(t, dir, pids)
	if how := c.How(); !strings.Contains(how, "keeper ended") {
		t.Errorf("How() = %q", how)
	}
}

func TestSweep(t *testing.T) {
	c, dir, pids := startFamily(t, "sleep 1000")
	old := time.Now().Add(-time.Hour)
	young, err := makeDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(young)
	if filepath.Dir(young) != filepath.Dir(dir) {
		t.Fatalf("%s is not in the same folder as %s", young, dir)
	}
	os.Chtimes(dir, old, old)
	Sweep(young)
	if slices.ContainsFunc(pids, func(pid int) bool { return !alive(pid) }) {
		t.Fatal("Sweep ended processes of a kernel that lives")
	}
	c.Stop()

	abandoned, err := makeDir()
	if err != nil {
		t.Fatal(err)
	}
	left := exec.Command("sleep", "1000")
	left.Env = append(os.Environ(), DirEnv+"="+abandoned)
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	go left.Wait()
	os.Chtimes(abandoned, old, old)
	Sweep(young)
	wantGone(t, abandoned, []int{left.Process.Pid})
	if _, err := os.Stat(young); err != nil {
		t.Errorf("Sweep(%s) deleted it", young)
	}
}

func TestKillSparesTheProgram(t *testing.T) {
	c, dir, pids := startFamily(t, "wait; sleep 1000")
	defer c.Stop()
	if runtime.GOOS != "linux" {
		pids = pids[:2]
	}
	c.Kill()
	waitFor(t, "processes are left", func() bool { return !slices.ContainsFunc(pids, alive) })
	if _, err := os.Stat(dir); err != nil || c.How() != "" {
		t.Errorf("Kill ended the program: %v, %q", err, c.How())
	}
}

func TestInterruptEndsCompilation(t *testing.T) {
	c, err := Start(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	dir := c.Dir()
	c.Interrupt(false) // of nothing
	// A "go" that does not care for signals, as a child of the kept program.
	tool := filepath.Join(dir, "bin", "go")
	if err := os.Symlink("/bin/sh", tool); err != nil {
		t.Fatal(err)
	}
	script := "trap 'touch $" + DirEnv + "/tmp/interrupted' INT; " + tool + ` -c 'trap "" INT; echo $$ > $` + DirEnv + `/tmp/pid; sleep 1000; :'; echo $? > $` + DirEnv + "/tmp/code; sleep 1000"
	if err := c.Run([]string{"sh", "-c", script}, os.Environ()); err != nil {
		t.Fatal(err)
	}
	has := func(name string) func() bool {
		return func() bool { text, _ := os.ReadFile(filepath.Join(dir, "tmp", name)); return len(text) > 0 }
	}
	waitFor(t, "go has not started", has("pid"))
	c.Interrupt(false)
	waitFor(t, "go was not ended", has("code"))
	waitFor(t, "the program got no SIGINT", func() bool { _, err := os.Stat(filepath.Join(dir, "tmp", "interrupted")); return err == nil })
}

func TestDirIsPrivateAndShort(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/"+strings.Repeat("long/", 20))
	dir, err := makeDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s is %v, want it for its owner only", dir, info.Mode())
	}
	if len(dir) > maxSocketDir {
		t.Errorf("%s has no room for sockets", dir)
	}
	if err := removeAll(filepath.Dir(dir)); err == nil {
		t.Error("removeAll deletes what is no kernel's directory")
	}
}
