package pyenv_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

func TestMain(m *testing.M) { kerneltest.Main(m) }

// serve starts JupyterLab on folder and waits until it answers.
func serve(t *testing.T, env pyenv.Env, data, folder, token string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd, err := env.Lab(ctx, pyenv.LabOptions{Folder: folder, Data: data, Port: port, Token: token, NoBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	profile := os.Getenv("NETDIFFUS_NB_PROFILE")
	if profile == "" {
		profile = "smoke"
	}
	home := t.TempDir() // no settings or workspaces of the user's
	cmd.Env = append(cmd.Env, "HOME="+home, "JUPYTER_CONFIG_DIR="+filepath.Join(home, "config"),
		"JUPYTER_DATA_DIR="+filepath.Join(home, "data"), "JUPYTER_RUNTIME_DIR="+filepath.Join(home, "runtime"),
		"GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"), "NETDIFFUS_NB_PROFILE="+profile)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("JupyterLab said:\n%s", log.String())
		}
	})
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("JupyterLab ended: %v", err)
		default:
		}
		response, err := http.Get(url + "/api")
		if err == nil {
			response.Body.Close()
			return url
		}
	}
	t.Fatal("JupyterLab does not answer")
	return ""
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// clearOutputs leaves a notebook as if it had never run: pictures that are there
// already would be taken for fresh ones.
func clearOutputs(t *testing.T, path string) {
	t.Helper()
	n, err := jupyter.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n.Cells {
		n.Cells[i].Outputs, n.Cells[i].Count = nil, nil
	}
	if err := n.Write(path); err != nil {
		t.Fatal(err)
	}
}

// watched is what browse.py saw.
type watched struct {
	Kernel  string   `json:"kernel"`
	Cells   int      `json:"cells"`
	Counted int      `json:"counted"`
	Seen    int      `json:"seen"`
	Left    int      `json:"left"`
	Loaded  bool     `json:"loaded"`
	Errors  []string `json:"errors"`
	Seconds float64  `json:"seconds"`
}

// TestInBrowser is a person's way: JupyterLab, a notebook, Run All. The plot must
// be seen to move, and the last picture must stay. It is a smoke run unless
// $NETDIFFUS_NB_PROFILE says otherwise; a picture of the page goes to
// $NETDIFFUS_SCREENSHOT where that is set (docs/images/lab.png is one, of a full run).
func TestInBrowser(t *testing.T) {
	longtest.Only(t, "starts JupyterLab and a browser")
	chromium := kerneltest.Browser(t)
	env := kerneltest.Python(t)
	data := kerneltest.Kernel(t).Data
	stage, err := jupyter.NewStage("../../notebooks")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	name := "00_quickstart.ipynb"
	if _, err := os.Stat(filepath.Join(stage.Folder(), name)); err != nil {
		name = "live.ipynb"
		text, err := os.ReadFile("testdata/live.ipynb")
		if err == nil {
			err = os.WriteFile(filepath.Join(stage.Folder(), name), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	clearOutputs(t, filepath.Join(stage.Folder(), name))
	const token = "a-token-for-the-test"
	url := serve(t, env, data, stage.Folder(), token)
	picture := os.Getenv("NETDIFFUS_SCREENSHOT")
	if picture == "" {
		picture = filepath.Join(t.TempDir(), "lab.png")
	}
	const patience = 480 // seconds, for a busy machine; some 30 are usual
	ctx, cancel := context.WithTimeout(t.Context(), (patience+60)*time.Second)
	defer cancel()
	cmd := env.Command(ctx, "testdata/browse.py", url, token, name, chromium, picture, fmt.Sprint(patience))
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("browse.py: %v\n%s", err, log.String())
	}
	var got watched
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("browse.py printed %q: %v", out, err)
	}
	slog.Info("in the browser", "notebook", name, "saw", got)
	if got.Kernel != "NetDiffus (Go)" {
		t.Errorf("the kernel is %q", got.Kernel)
	}
	if got.Cells == 0 || got.Counted != got.Cells {
		t.Errorf("%d of %d cells ran", got.Counted, got.Cells)
	}
	if len(got.Errors) > 0 {
		t.Errorf("errors on the page: %q", got.Errors)
	}
	if got.Seen < 3 {
		t.Errorf("at one place %d different pictures were seen, want the plot to change at least twice", got.Seen)
	}
	if got.Left == 0 || !got.Loaded {
		t.Errorf("%d pictures are left, all drawn: %v", got.Left, got.Loaded)
	}
}
