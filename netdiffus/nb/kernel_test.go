//go:build unix

package nb_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// cellEnv names the cell that this test's program is to be, in a process that
// runCell starts.
const cellEnv = "NB_TEST_CELL"

func TestMain(m *testing.M) {
	gob.Register(map[string]any{}) // as GoNB does
	if cell, ok := cells[os.Getenv(cellEnv)]; ok {
		cell()
		return
	}
	os.Exit(m.Run())
}

// output is what a cell did.
type output struct {
	shown          []protocol.DisplayData
	when           []time.Time // of each that is shown
	stdout, stderr string
	code           int
	decode         error // why reading ended
}

// runCell runs a cell as GoNB does: a process with two named pipes, in which
// what is shown travels as gob, and an acknowledgement comes back for each
// synchronisation.
func runCell(t *testing.T, name string, env ...string) output {
	t.Helper()
	dir := t.TempDir()
	to, from := filepath.Join(dir, "to-kernel"), filepath.Join(dir, "from-kernel")
	for _, pipe := range []string{to, from} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Opened for both ways, so that opening does not wait for the other side.
	reader, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	var out output
	read := make(chan struct{})
	go func() {
		defer close(read)
		decoder, encoder := gob.NewDecoder(reader), gob.NewEncoder(writer)
		for {
			var d protocol.DisplayData
			if err := decoder.Decode(&d); err != nil {
				out.decode = err
				return
			}
			if v, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue); ok {
				encoder.Encode(protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: v.Value})
				continue
			}
			out.shown, out.when = append(out.shown, d), append(out.when, time.Now())
		}
	}()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, cellEnv+"="+name, protocol.GONB_PIPE_ENV+"="+to, protocol.GONB_PIPE_BACK_ENV+"="+from)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	reader.Close() // every message was acknowledged, so all are read
	<-read
	if !errors.Is(out.decode, os.ErrClosed) {
		t.Fatalf("reading what the cell shows: %v", out.decode)
	}
	out.stdout, out.stderr, out.code = stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	return out
}
