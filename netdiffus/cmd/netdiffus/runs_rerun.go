package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

func runsRerunCommand() *cobra.Command {
	var p runPlaces
	var data, out string
	var choice *deviceChoice
	c := &cobra.Command{
		Use:   "rerun RUN",
		Short: "Train a run again on the same data with the same settings, and say what differs",
		Long: `Trains in a new directory what RUN was: the same settings and seed, the same number of
steps, the same data, which are known by their hash. Then it says what differs. On the
CPU of one kind of machine the weights are equal to the bit.

The data are looked for where they were, below the folder of the command or one above
RUN; --data-dir names them, or a copy, elsewhere.`,
		Example: `  netdiffus runs rerun first
  netdiffus runs rerun runs/first --run runs/again --data-dir copies/atoms`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			return rerun(c, chosen[0], data, out, *choice)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	p.register(flags)
	flags.StringVar(&data, "data-dir", "", "the data set, where it is not where it was (`folder`)")
	flags.StringVar(&out, "run", "", "`folder` of the new run (default: that of RUN with -rerun behind it)")
	addNoHost(flags)
	choice = deviceFlags(flags)
	return c
}

// rerun trains r again.
func rerun(c *cobra.Command, r *runs.Run, data, out string, choice deviceChoice) error {
	ctx, w := c.Context(), c.ErrOrStderr()
	if len(r.Sessions) == 0 || r.State == runs.Damaged {
		return fmt.Errorf("%s cannot be repeated: %s", runs.Plain(r.Path), strings.Join(r.Problems, "; "))
	}
	if len(r.Inputs) == 0 {
		return fmt.Errorf("%s does not say which data it was trained on", track.ManifestFile(r.Path))
	}
	data, err := sameData(ctx, r, data)
	if err != nil {
		return err
	}
	cfg, err := unfitted(track.ConfigFile(r.Path))
	if err != nil {
		return err
	}
	o := dataset.OpenOptions{Side: cfg.Image.Side, ClassFrom: dataset.ClassFrom(r.Sessions[0].Flags["class-from"])}
	if cfg.Image.Channels == 1 || cfg.Image.Channels == 3 {
		o.Channels = cfg.Image.Channels
	}
	set, err := openImages(data, &o)
	if err != nil {
		return err
	}
	if cfg, err = cfg.Fit(set); err != nil {
		return err
	}
	if out == "" {
		if out, err = freeName(r.Path + "-rerun"); err != nil {
			return err
		}
	} else if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return fmt.Errorf("--run %s is not empty: name a new folder", out)
	}
	b, device, err := openDevice(ctx, w, choice)
	if err != nil {
		return err
	}
	session := newSession(c, device, data)
	session.Preset = r.Preset
	opt := train.Options{
		Dir: out, Steps: r.Step, Session: &session,
		SaveEvery: flagOf(r, "save-interval"), Keep: flagOf(r, "checkpoints-total-limit"), LogEvery: flagOf(r, "log-interval"),
	}
	fmt.Fprintf(w, "training %s again, on %d images of %d classes, run %s\n", runs.Plain(r.Name), set.Len(), len(set.Classes), out)
	bar := newProgress(w, "step", r.Step)
	opt.Status = bar.note
	if _, _, err := follow(bar, train.Run(ctx, b, cfg, set, opt)); err != nil {
		return err
	}
	again, err := runs.Open(ctx, out)
	if err != nil {
		return err
	}
	if r, err = runs.Open(ctx, r.Path); err != nil {
		return err
	}
	same, lines, err := repeated(ctx, r, again)
	if err != nil {
		return err
	}
	return printRepeated(c.OutOrStdout(), out, same, lines)
}

func printRepeated(w io.Writer, out string, same bool, lines []string) error {
	verdict := "equal to the bit"
	if !same {
		verdict = "NOT equal"
	}
	fmt.Fprintf(w, "%s: the weights are %s\n", out, verdict)
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "  %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// flagOf is the number that a run was given by a flag; 0 where it was not.
func flagOf(r *runs.Run, name string) int {
	for _, s := range r.Sessions {
		for _, spelling := range []string{name, strings.ReplaceAll(name, "-", "_")} {
			if n, err := strconv.Atoi(s.Flags[spelling]); err == nil {
				return n
			}
		}
	}
	return 0
}

// freeName is path, or path with a number behind it, where nothing is.
func freeName(path string) (string, error) {
	name := path
	for i := 2; ; i++ {
		_, err := os.Lstat(name)
		if errors.Is(err, os.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = fmt.Sprintf("%s-%d", path, i)
	}
}

// sameData returns the path of the data that r was trained on: given, or else where they
// were. The error is that there are none with the same hash.
func sameData(ctx context.Context, r *runs.Run, given string) (string, error) {
	want := r.Inputs[0]
	candidates := []string{given}
	if given == "" {
		// The path is as it was given then, perhaps in a folder above the run.
		// Of a path from elsewhere only the name is known.
		path := want.Path
		if base, elsewhere := provenance.Base(path); elsewhere {
			path = base
		}
		candidates = []string{path}
		if !filepath.IsAbs(path) {
			for dir := filepath.Dir(r.Path); ; dir = filepath.Dir(dir) {
				candidates = append(candidates, filepath.Join(dir, path))
				if dir == filepath.Dir(dir) {
					break
				}
			}
		}
	}
	var found []string
	for _, path := range candidates {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		got, err := provenance.Hash(ctx, path)
		if err != nil {
			return "", err
		}
		if got.Digest == want.Digest {
			return path, nil
		}
		found = append(found, fmt.Sprintf("%s has the hash %s", path, got.SHA256))
	}
	if len(found) == 0 {
		found = []string{fmt.Sprintf("there is nothing at %s", want.Path)}
		if given != "" {
			found = []string{fmt.Sprintf("there is nothing at %s", given)}
		}
	}
	return "", fmt.Errorf("the data of %s, SHA-256 %s, are not there: %s; name a copy (--data-dir)", runs.Plain(r.Name), want.SHA256, strings.Join(found, ", "))
}

// unfitted reads the settings in a config.json without what they have from data: the
// encoding, and the tables of codecs and of models that are counted.
func unfitted(path string) (netdiffus.Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return netdiffus.Config{}, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return netdiffus.Config{}, fmt.Errorf("%s: %w", path, err)
	}
	delete(members, "tables") // beside config.json; in it the settings alone are left
	delete(members, "recipe")
	if text, err = json.Marshal(members); err != nil {
		return netdiffus.Config{}, err
	}
	cfg, err := netdiffus.Decode(text, netdiffus.Config{})
	if err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// repeated compares the newest checkpoint and the metrics of two runs, and says what else
// differs: settings, data, versions, the device.
func repeated(ctx context.Context, a, b *runs.Run) (same bool, lines []string, err error) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	before, err := checkpointFiles(a, a.Step)
	if err != nil {
		return false, nil, err
	}
	after, err := checkpointFiles(b, a.Step)
	if err != nil {
		return false, nil, err
	}
	same = len(before) > 0
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if before[name] != after[name] {
			same = false
			say("checkpoint of step %d: %s differs", a.Step, name)
		}
	}
	if !sameFile(filepath.Join(a.Path, "tables.json"), filepath.Join(b.Path, "tables.json")) {
		same = false
		say("tables.json differs")
	}
	var x, y netdiffus.Config
	if err := errors.Join(track.ReadConfig(a.Path, &x), track.ReadConfig(b.Path, &y)); err != nil {
		return false, nil, err
	}
	settings, err := netdiffus.Diff(x, y)
	if err != nil {
		return false, nil, err
	}
	for _, line := range settings {
		say("setting %s", line)
	}
	if !slices.EqualFunc(a.Inputs, b.Inputs, func(p, q provenance.File) bool { return p.Digest == q.Digest }) {
		say("data differ")
	}
	differ, err := metricsDiffer(ctx, a.Path, b.Path)
	if err != nil {
		return false, nil, err
	}
	lines = append(lines, differ...)
	s, t := a.Sessions[len(a.Sessions)-1], b.Sessions[len(b.Sessions)-1]
	for _, name := range slices.Sorted(maps.Keys(s.Versions)) {
		if s.Versions[name] != t.Versions[name] {
			say("version of %s: %s, was %s", name, t.Versions[name], s.Versions[name])
		}
	}
	if s.Machine.CPU != t.Machine.CPU || s.Machine.Cores != t.Machine.Cores {
		say("machine: %s, %d cores; was %s, %d cores", t.Machine.CPU, t.Machine.Cores, s.Machine.CPU, s.Machine.Cores)
	}
	if a.Device != b.Device {
		say("device: %s, was %s", b.Device, a.Device)
	}
	say("it took %v, before %v", b.Duration().Round(1e9), a.Duration().Round(1e9))
	return same, lines, nil
}

// checkpointFiles are the hashes of the files of a run's checkpoint.
func checkpointFiles(r *runs.Run, step int) (map[string]provenance.Digest, error) {
	file := filepath.Join(track.Checkpoints(r.Path), fmt.Sprintf("step-%08d", step), "manifest.json")
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s has no checkpoint of step %d to compare with", r.Path, step)
	}
	if err != nil {
		return nil, err
	}
	var m struct {
		Files map[string]provenance.Digest `json:"files"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m.Files, nil
}

// sameFile reports whether both files are missing, or have the same bytes.
func sameFile(a, b string) bool {
	x, errA := os.ReadFile(a)
	y, errB := os.ReadFile(b)
	return (errA == nil) == (errB == nil) && bytes.Equal(x, y)
}

// metricsDiffer says which metrics of two runs differ, times aside.
func metricsDiffer(ctx context.Context, a, b string) ([]string, error) {
	x, err := runs.ReadCurves(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	y, err := runs.ReadCurves(ctx, b, 0)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(x.Series)) {
		if name == "step_seconds" {
			continue
		}
		p, q := x.Series[name], y.Series[name]
		at := map[float64]float64{}
		for i, step := range q.Step {
			at[step] = q.Value[i]
		}
		worst, step := 0.0, -1.0
		for i, s := range p.Step {
			v, there := at[s]
			if d := math.Abs(v - p.Value[i]); there && (d > worst || step < 0 && d > 0) {
				worst, step = d, s
			}
		}
		if step >= 0 {
			lines = append(lines, fmt.Sprintf("metric %s differs, most by %.3g at step %.0f", name, worst, step))
		}
	}
	return lines, nil
}
