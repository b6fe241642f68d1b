package bench

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Peer is PyTorch in a process of its own, which measures the same network.
type Peer struct {
	Description string // "PyTorch 2.9.0, eager, CPU, 2 threads"
	Parameters  int    // of the network at 10 x 10 pixels

	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	errors  *tail
	closed  bool
}

//go:embed peer.py
var torchScript string

// NewPeer starts PyTorch with that Python. With compiled its networks go through
// torch.compile. The error says what Python said where there is no PyTorch.
func NewPeer(ctx context.Context, python string, compiled bool) (*Peer, error) {
	args := []string{"-c", torchScript}
	if compiled {
		args = append(args, "--compile")
	}
	p := &Peer{process: exec.CommandContext(ctx, python, args...), errors: &tail{}}
	p.process.Stderr = p.errors
	var err error
	if p.in, err = p.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	p.out = bufio.NewReader(out)
	if err := p.process.Start(); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	var hello struct {
		Description string
		Parameters  int
	}
	if err := p.read(&hello); err != nil {
		return nil, fmt.Errorf("bench: %s: %w", python, err)
	}
	p.Description, p.Parameters = hello.Description, hello.Parameters
	return p, nil
}

// read reads one answer.
func (p *Peer) read(answer any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.Close() // after which all that it said is there
		if said := p.errors.last(); said != "" {
			return errors.New(said)
		}
		return fmt.Errorf("it ended: %w", err)
	}
	return json.Unmarshal(line, answer)
}

// measure has a task repeated for that long.
func (p *Peer) measure(ctx context.Context, t task, long time.Duration) (Time, error) {
	asked, err := json.Marshal(struct {
		task
		Seconds float64 `json:"seconds"`
	}{t, long.Seconds()})
	if err != nil {
		return Time{}, err
	}
	if _, err := p.in.Write(append(asked, '\n')); err != nil {
		return Time{}, err
	}
	var answer struct {
		First float64
		Took  []float64
		Error string
	}
	if err := p.read(&answer); err != nil {
		return Time{}, errors.Join(ctx.Err(), err)
	}
	if answer.Error != "" || len(answer.Took) == 0 {
		return Time{}, fmt.Errorf("PyTorch: %s", answer.Error)
	}
	slices.Sort(answer.Took)
	return Time{First: answer.First, Median: median(answer.Took), Least: answer.Took[0], Calls: len(answer.Took)}, nil
}

// Close ends the process. The second call does nothing.
func (p *Peer) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.in.Close()
	ended := make(chan error, 1)
	go func() { ended <- p.process.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(5 * time.Second):
		p.process.Process.Kill()
		return <-ended
	}
}

// tail keeps the end of what a process writes.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-4096):]
	return len(b), nil
}

// last is the last line that is not empty.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
