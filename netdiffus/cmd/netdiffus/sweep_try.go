package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/sweep"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// tryRequest is what the process of a trial is told, as JSON on its standard input.
type tryRequest struct {
	Dir       string          `json:"dir"` // the run directory
	Data      string          `json:"data"`
	Held      string          `json:"held,omitempty"` // flows held out, for tstr
	Config    json.RawMessage `json:"config"`
	Preset    string          `json:"preset"`
	Steps     int             `json:"steps"` // to train up to
	Planned   int             `json:"planned"`
	Objective string          `json:"objective"`
	Samples   int             `json:"samples"`
	Seed      uint64          `json:"seed"`
	Backend   string          `json:"backend"`
	Programs  bool            `json:"keep_programs"`
	NoHost    bool            `json:"no_host"`
}

// tryAnswer is what it prints.
type tryAnswer struct {
	Value float64 `json:"value"`
	Disk  bool    `json:"disk,omitempty"` // it failed, and the disk is the cause: no fault of the setting
}

// try does a job in a process of its own.
func (p *trialPlan) try(ctx context.Context, trials string, j sweep.Job, device deviceChoice) (float64, error) {
	cfg, err := p.config(j.Point)
	if err != nil {
		return 0, err
	}
	text, err := cfg.JSON()
	if err != nil {
		return 0, err
	}
	dir := trialDir(trials, j.Trial)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, err
	}
	request, err := json.Marshal(tryRequest{
		Dir: dir, Data: p.fit, Held: p.held, Config: text, Preset: p.preset, Steps: j.Steps, Planned: p.spec.Steps,
		Objective: p.objective, Samples: p.samples, Seed: p.seed, Backend: device.spec, Programs: device.keepPrograms, NoHost: p.noHost,
	})
	if err != nil {
		return 0, err
	}
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	logFile := filepath.Join(dir, "log.txt")
	if info, err := os.Lstat(logFile); err == nil && !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a file: nothing is written through a link", logFile)
	}
	log, err := os.OpenFile(logFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	var out bytes.Buffer
	child := exec.CommandContext(ctx, program, "sweep", "try")
	child.Stdin, child.Stdout, child.Stderr = bytes.NewReader(request), &out, log
	if runtime.GOOS != "windows" { // it saves a checkpoint, then ends
		child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	}
	child.WaitDelay = time.Minute
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command.TerminateWithParent(child)
	err = child.Run()
	if err == nil {
		var answer tryAnswer
		if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
			return 0, fmt.Errorf("the trial's answer: %w", err)
		}
		return answer.Value, nil
	}
	if exit, is := errors.AsType[*exec.ExitError](err); is && exit.ExitCode() < 0 && ctx.Err() == nil {
		return 0, fmt.Errorf("%w: %w", err, sweep.ErrAgain) // a signal: out of memory, or somebody's kill
	}
	text, _ = os.ReadFile(log.Name())
	err = fmt.Errorf("%w: %s", err, command.LastLines(string(text), 1))
	var answer tryAnswer
	if json.Unmarshal(out.Bytes(), &answer) == nil && answer.Disk {
		err = fmt.Errorf("%w: %s: %w", sweep.ErrStop, dir, err)
	}
	return 0, err
}

// privateWriter writes what is passed on with a run directory: paths without their folders.
type privateWriter struct{ w io.Writer }

func (p privateWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.w, provenance.Private(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

func sweepTryCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "try",
		Short:  "Do one trial of a sweep (sweep starts it)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			c.Root().SetErr(privateWriter{c.ErrOrStderr()}) // it goes into the trial's log.txt
			var r tryRequest
			if err := json.NewDecoder(c.InOrStdin()).Decode(&r); err != nil {
				return fmt.Errorf("the request: %w", err)
			}
			value, err := r.do(c)
			if atomicfile.DiskFailed(err) {
				return errors.Join(err, json.NewEncoder(c.OutOrStdout()).Encode(tryAnswer{Disk: true}))
			}
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(tryAnswer{Value: value})
		},
	}
}

// do trains the trial from where it is up to its steps, and measures it.
func (r tryRequest) do(c *cobra.Command) (float64, error) {
	ctx, w := c.Context(), c.ErrOrStderr()
	cfg, err := netdiffus.Decode(r.Config, netdiffus.Config{})
	if err != nil {
		return 0, err
	}
	set, err := dataset.Open(r.Data, nil)
	if err != nil {
		return 0, err
	}
	if r.Planned > 0 && cfg.Training.Decay {
		cfg.Training.Steps = r.Planned // the learning rate falls as if all steps were done
	}
	if cfg, err = cfg.Fit(set); err != nil {
		return 0, err
	}
	b, found, err := openDevice(ctx, w, deviceChoice{spec: r.Backend, keepPrograms: r.Programs})
	if err != nil {
		return 0, err
	}
	steps := r.Steps
	if steps == 0 {
		steps = max(cfg.Training.Steps, cfg.Training.AnnealSteps)
	}
	if steps == 0 && !counted(cfg) {
		return 0, errors.New("these settings plan no number of steps: give one (--steps)")
	}
	session := newSession(c, found, r.Data)
	session.Preset = r.Preset
	if r.NoHost {
		session.Machine.Host = ""
	}
	bar := newProgress(w, "step", steps)
	opt := train.Options{Dir: r.Dir, Steps: steps, Keep: 1, Session: &session, Status: bar.note}
	if _, _, err := follow(bar, train.Run(ctx, b, cfg, set, opt)); err != nil {
		return 0, err
	}
	if r.Objective != "tstr" {
		run, err := runs.Open(ctx, r.Dir)
		if err != nil {
			return 0, err
		}
		name := "validation_" + r.Objective
		s, there := run.Metrics[name]
		if !there {
			return 0, fmt.Errorf("the run has no %s: this kind of model does not measure it; take another objective", name)
		}
		return float64(s.Min), nil
	}
	g, err := sample.Open(b, r.Dir)
	if err != nil {
		return 0, err
	}
	drawn, err := draw(ctx, w, g, sample.Request{N: r.Samples, Seed: r.Seed})
	if err != nil {
		return 0, err
	}
	held, err := dataset.Open(r.Held, nil)
	if err != nil {
		return 0, err
	}
	return tstr(ctx, drawn, held, r.Seed)
}

// heldTrees is how many trees the forest of a sweep has.
const heldTrees = 100

// tstr is the accuracy on held flows of a forest that is trained on drawn ones: on the
// signed lengths of their packets.
func tstr(ctx context.Context, drawn, held *dataset.Set, seed uint64) (float64, error) {
	train, err := packetTable(drawn, drawn.Classes)
	if err != nil {
		return 0, err
	}
	test, err := packetTable(held, drawn.Classes)
	if err != nil {
		return 0, err
	}
	if train.Len() == 0 || test.Len() == 0 {
		return 0, errors.New("there are no flows to measure: all are empty")
	}
	scores, err := classify.Evaluate(ctx, classify.Trees(heldTrees), train, seed, test)
	if err != nil {
		return 0, err
	}
	return scores[0].Accuracy, nil
}

// packetTable is the flows of a set as rows of signed lengths.
func packetTable(set *dataset.Set, classes []string) (classify.Table, error) {
	t := classify.Table{Classes: len(classes)}
	for f, err := range set.PaddedFlows() {
		if err != nil {
			return t, err
		}
		label := slices.Index(classes, f.Label)
		if label < 0 {
			continue
		}
		row := make([]float64, set.Encoding.SeriesLength())
		for i, p := range f.Packets[:min(len(row), len(f.Packets))] {
			row[i] = float64(p.Length)
			if p.Dir == traffic.Up {
				row[i] = -row[i]
			}
		}
		t.X, t.Y = append(t.X, row), append(t.Y, label)
	}
	return t, nil
}

// holdOut divides the data once, for all trials, and says how good real flows are.
func (p *trialPlan) holdOut(ctx context.Context, dir string, set *dataset.Set) (string, error) {
	if set.Images.Pictures() {
		return "", errors.New("tstr is measured of flows; of pictures take the loss")
	}
	var share float64
	if _, err := fmt.Sscan(p.spec.Setting["hold_out"], &share); err != nil {
		return "", err
	}
	fit, _, _, err := set.HoldOut(share, p.seed)
	if err != nil {
		return "", err
	}
	// The same flows as they are: what codecs fitted to the others cannot encode counts too.
	_, held, err := set.Split(1-share, p.seed)
	if err != nil {
		return "", err
	}
	p.fit, p.held = filepath.Join(dir, "data", "fit"), filepath.Join(dir, "data", "held")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o777); err != nil {
		return "", err
	}
	for path, part := range map[string]*dataset.Set{p.fit: fit, p.held: held} {
		if err := part.Save(path, &dataset.SaveOptions{Layout: dataset.PerClass}); err != nil {
			return "", fmt.Errorf("%w; is --out that of another sweep?", err)
		}
	}
	real, err := tstr(ctx, fit, held, p.seed)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("holding out %d of %d flows; trained on the %d others a forest is right in %.4g of them", held.Len(), set.Len(), fit.Len(), real), nil
}
