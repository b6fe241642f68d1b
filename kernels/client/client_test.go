package client

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
)

// TestMain lets the test's own binary be the kernel.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		if err := serve(os.Args[2]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serve is a kernel that does what the text of a cell names.
func serve(file string) error {
	c, err := wire.ReadConnection(file)
	if err != nil {
		return err
	}
	key, session := wire.Key(c.Key), wire.NewSession()
	listen := func(port int) net.Listener {
		l, listenErr := zmtp.Listen(c.Endpoint(port))
		if listenErr != nil {
			err = listenErr
		}
		return l
	}
	shell, control, iopub := listen(c.Shell), listen(c.Control), listen(c.IOPub)
	if err != nil {
		return err
	}
	pub := zmtp.NewPub(iopub, zmtp.Options{}, nil)
	end := make(chan int)
	var router, controls *zmtp.RouterSocket
	ready := make(chan struct{}) // when both are set
	answer := func(socket **zmtp.RouterSocket) func(peer *zmtp.Conn, frames [][]byte) {
		return func(peer *zmtp.Conn, frames [][]byte) {
			<-ready
			request, err := key.Parse(frames)
			if err != nil {
				return
			}
			say := func(kind string, content any) {
				m := session.New(kind, request, content)
				m.Identities = [][]byte{[]byte("topic")}
				pub.Send(key.Frames(m))
			}
			var execute struct {
				Code string `json:"code"`
			}
			request.Decode(&execute)
			say("status", map[string]string{"execution_state": "busy"})
			reply := map[string]any{"status": "ok"}
			switch execute.Code {
			case "show":
				say("stream", map[string]string{"name": "stdout", "text": "one "})
				say("stream", map[string]string{"name": "stdout", "text": "two"})
				say("display_data", map[string]any{"data": map[string]string{"text/plain": "a picture"}})
			case "fail":
				say("stream", map[string]string{"name": "stderr", "text": "\x1b[31mboom\x1b[0m"})
				reply = map[string]any{"status": "error", "ename": "ERROR", "evalue": "exit status 2"}
			case "die":
				os.Stderr.WriteString("out of luck\n")
				os.Exit(4)
			case "hang":
				return
			}
			m := session.New(strings.Replace(request.Header.Type, "_request", "_reply", 1), request, reply)
			m.Identities = nil
			(*socket).Send(peer, key.Frames(m))
			say("status", map[string]string{"execution_state": "idle"})
			if request.Header.Type == "shutdown_request" {
				end <- 0
			}
		}
	}
	controls = zmtp.NewRouter(control, zmtp.Options{}, answer(&controls))
	router = zmtp.NewRouter(shell, zmtp.Options{}, answer(&router))
	close(ready)
	<-end
	time.Sleep(50 * time.Millisecond) // the reply is on its way
	return nil
}

// start starts the kernel above.
func start(t *testing.T) *Kernel {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	k, err := Start(ctx, []string{me, "serve", "{connection_file}"}, nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func TestExecute(t *testing.T) {
	k := start(t)
	got, err := k.Execute(t.Context(), "show")
	if err != nil || got.Stdout != "one two" || len(got.Displays) != 1 || got.Displays[0]["text/plain"] != "a picture" {
		t.Errorf("Execute = %+v, %v", got, err)
	}
	var failed *CellError
	if _, err := k.Execute(t.Context(), "fail"); !errors.As(err, &failed) || err.Error() != "the cell failed: ERROR: exit status 2: boom" {
		t.Errorf("Execute of a failing cell = %v", err)
	}
	if got, err := k.Execute(t.Context(), "nothing"); err != nil || got.Stdout != "" {
		t.Errorf("the cell after a failed one = %+v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := k.Execute(ctx, "hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Execute of a cell that hangs = %v", err)
	}
	dir := k.dir
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("Close leaves %s", dir)
	}
	if state := k.cmd.ProcessState; state == nil || !state.Success() {
		t.Errorf("the kernel ended with %v, want of its own accord", state)
	}
}

func TestKernelThatDies(t *testing.T) {
	k := start(t)
	if _, err := k.Execute(t.Context(), "die"); err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("Execute on a kernel that dies = %v, want its last words", err)
	}
}

func TestStartFails(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		argv  []string
		limit time.Duration
		want  string
	}{
		"no program": {[]string{filepath.Join(t.TempDir(), "none")}, time.Minute, "no such file"},
		"ends":       {[]string{sh, "-c", "echo no luck >&2; exit 1", "{connection_file}"}, time.Minute, "the kernel ended; it printed: no luck"},
		"is mute":    {[]string{sh, "-c", "sleep 100"}, 500 * time.Millisecond, "deadline exceeded"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), c.limit)
		begun := time.Now()
		if _, err := Start(ctx, c.argv, nil, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Start = %v, want %q", name, err, c.want)
		}
		cancel()
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("%s: Start took %v", name, took)
		}
	}
}
