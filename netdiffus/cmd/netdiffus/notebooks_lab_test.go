package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// lockedBuffer is written by a process and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNotebooksLab starts JupyterLab on a machine without the kernel, finds it
// offered, and ends it by an interrupt.
func TestNotebooksLab(t *testing.T) {
	longtest.Only(t, "starts JupyterLab")
	kerneltest.Python(t)
	emptyHome(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(me, "notebooks", "lab", "--no-browser", "--port", strconv.Itoa(port), "--", "--ServerApp.quit_button=False")
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	address := regexp.MustCompile(`http://127\.0\.0\.1:(\d+)/lab\?token=(\w+)`)
	var found []string
	deadline := time.Now().Add(3 * time.Minute)
	for ; ; time.Sleep(200 * time.Millisecond) {
		if found = address.FindStringSubmatch(out.String()); found != nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, out.String())
		default:
		}
		if time.Now().After(deadline) {
			cmd.Process.Signal(syscall.SIGTERM) // a kill would leave JupyterLab behind
			t.Fatalf("no address was printed\n%s", out.String())
		}
	}
	kernels := "http://127.0.0.1:" + found[1] + "/api/kernelspecs?token=" + found[2]
	response, err := http.Get(kernels)
	for ; err != nil && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) { // the address is printed before it listens
		response, err = http.Get(kernels)
	}
	if err != nil {
		t.Error(err)
	} else if listed, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(listed), `"NetDiffus (Go)"`) {
		t.Errorf("JupyterLab offers %s, %v", listed, err)
	}
	begun := time.Now()
	cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after an interrupt it ended with %v\n%s", err, out.String())
		}
		t.Logf("ended within %v", time.Since(begun))
	case <-time.After(time.Minute):
		cmd.Process.Signal(syscall.SIGTERM) // a kill would leave JupyterLab behind
		t.Errorf("it goes on after an interrupt\n%s", out.String())
	}
}

func TestNotebooksLabUsage(t *testing.T) {
	for _, args := range [][]string{{"notebooks", "lab", "a", "b"}, {"notebooks", "lab", "--nosuch"}} {
		if got := run(args); got != exitUsage {
			t.Errorf("netdiffus %s exits with %d, want %d", strings.Join(args, " "), got, exitUsage)
		}
	}
	if got := run([]string{"notebooks", "lab", t.TempDir() + "/none"}); got != exitFailed {
		t.Errorf("on a folder that is not there it exits with %d, want %d", got, exitFailed)
	}
}
