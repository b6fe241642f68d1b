package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/sweep"
)

// sweepFlags are the flags of sweep, and what stands in its file.
type sweepFlags struct {
	config, out string
	params      []string
	parallel    int
	json        bool
	device      *deviceChoice

	sweepFile
}

// sweepFile is a sweep as a YAML or JSON file has it.
type sweepFile struct {
	Data      string                     `json:"data"`
	Preset    string                     `json:"preset"`
	Settings  json.RawMessage            `json:"settings"` // over the preset, as in config.json
	Method    string                     `json:"method"`
	Objective string                     `json:"objective"`
	Trials    int                        `json:"trials"`
	Steps     int                        `json:"steps"`
	MinSteps  int                        `json:"min_steps"`
	Eta       int                        `json:"eta"`
	HoldOut   float64                    `json:"hold_out"`
	Samples   int                        `json:"num_samples"`
	Seed      uint64                     `json:"seed"`
	Space     map[string]json.RawMessage `json:"space"`
}

func sweepCommand() *cobra.Command {
	f := sweepFlags{parallel: 1}
	c := &cobra.Command{
		Use:   "sweep --data-dir DIR --param NAME=VALUES… --out DIR",
		Short: "Try settings on flows held out: a grid, at random, or successive halving",
		Long: `Trains a model for each of many settings and measures it on flows that are held out of
the training; test flows are never touched. A setting has its name in config.json:
training.lr, atoms.width, chain.order. --param names its values (1,2,3) or a range
(1e-4:1e-2, with :log or :int behind it; not for a grid). Methods:

  grid    every combination of the values
  random  --trials points
  asha    --trials points are trained for few steps, and of each --eta of them the best
          for --eta times as many, up to --steps

What is measured (--objective):

  cross_entropy, loss, mse  of flows held out of each training (--hold-out); the least of
                            the run; for networks
  tstr                      a forest is trained on flows drawn from the model and tested
                            on flows held out: its accuracy; for every model. The same
                            flows are held out in all trials.

Without it that is tstr for a model that is counted (preset default), cross_entropy for
one over atoms, and loss for others.

Each trial is a process and a run below --out/trials, which the verb runs lists. What is
done is kept: the same command goes on where a sweep was killed. At the end there are
table.csv and sweep.png in --out.

A file (--config, YAML or JSON) has the same: data, preset, settings, method, objective,
trials, steps, min_steps, eta, hold_out, num_samples, seed, and space with a list or
{min, max, log, int} for each name. Flags overrule it.`,
		Example: `  netdiffus sweep --data-dir atoms --preset quick --steps 300 --param training.lr=0.0005,0.001,0.002,0.004 --param training.batch_size=64,128 --out sweeps/lr
  netdiffus sweep --data-dir atoms --param chain.order=1,2,3 --param chain.rare=1,3 --param chain.group=8 --out sweeps/chain
  netdiffus sweep --data-dir atoms --preset quick --method asha --trials 9 --steps 900 --param training.lr=1e-4:1e-2:log --out sweeps/asha
  netdiffus sweep --config sweep.yaml --out sweeps/mine`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return withHints(f.execute(c)) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.Data, "data-dir", "", "data set to train on: the `folder` that convert wrote (needed, here or in the file)")
	flags.StringVar(&f.out, "out", "", "`folder` of the sweep; the same one goes on (needed)")
	flags.StringVar(&f.config, "config", "", "`file` with the sweep, YAML or JSON")
	flags.StringVar(&f.Preset, "preset", "", "settings to begin with, a `name`: "+strings.Join(presetNames(), ", "))
	flags.StringArrayVar(&f.params, "param", nil, "setting and its values, may be given several times: `NAME=VALUES`")
	flags.StringVar(&f.Method, "method", "grid", "grid, random or asha")
	flags.StringVar(&f.Objective, "objective", "", "what is measured: cross_entropy, loss, mse or tstr")
	flags.IntVar(&f.Trials, "trials", 0, "random and asha: number of trials")
	flags.IntVar(&f.Steps, "steps", 0, "training steps of a trial; 0 means as the settings plan")
	flags.IntVar(&f.MinSteps, "min-steps", 0, "asha: steps to begin with; 0 means --steps divided by --eta twice")
	flags.IntVar(&f.Eta, "eta", 3, "asha: one in so many goes on")
	flags.Float64Var(&f.HoldOut, "hold-out", 0.2, "share of the flows to hold out")
	flags.IntVar(&f.Samples, "num-samples", 100, "tstr: flows of each class to draw")
	flags.Uint64Var(&f.Seed, "seed", 0, "of the points, of which flows are held out, and of what is drawn")
	flags.IntVar(&f.parallel, "parallel", 1, "trials at once")
	flags.BoolVar(&f.json, "json", false, "print the results as JSON")
	addNoHost(flags)
	f.device = deviceFlags(flags)
	c.AddCommand(sweepTryCommand())
	return c
}

// read takes from the file what no flag says.
func (f *sweepFlags) read(c *cobra.Command) error {
	if f.config == "" {
		return nil
	}
	text, err := os.ReadFile(f.config)
	if err != nil {
		return err
	}
	if text, err = yaml.YAMLToJSON(text); err != nil { // JSON is YAML
		return fmt.Errorf("%s: %w", f.config, err)
	}
	flags := f.sweepFile
	file := flags
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return fmt.Errorf("%s: %w", f.config, err)
	}
	given := c.Flags().Changed
	for name, overrule := range map[string]func(){
		"data-dir":    func() { file.Data = flags.Data },
		"preset":      func() { file.Preset = flags.Preset },
		"method":      func() { file.Method = flags.Method },
		"objective":   func() { file.Objective = flags.Objective },
		"trials":      func() { file.Trials = flags.Trials },
		"steps":       func() { file.Steps = flags.Steps },
		"min-steps":   func() { file.MinSteps = flags.MinSteps },
		"eta":         func() { file.Eta = flags.Eta },
		"hold-out":    func() { file.HoldOut = flags.HoldOut },
		"num-samples": func() { file.Samples = flags.Samples },
		"seed":        func() { file.Seed = flags.Seed },
	} {
		if given(name) {
			overrule()
		}
	}
	f.sweepFile = file
	return nil
}

// space is the parameters of the flags and of the file, in the order of their names.
func (f *sweepFlags) space() ([]sweep.Parameter, error) {
	var space []sweep.Parameter
	for _, word := range f.params {
		p, err := parseParameter(word)
		if err != nil {
			return nil, err
		}
		space = append(space, p)
	}
	for name, text := range f.Space {
		if slices.ContainsFunc(space, func(p sweep.Parameter) bool { return p.Name == name }) {
			continue // a flag overrules it
		}
		p := sweep.Parameter{Name: name}
		if err := json.Unmarshal(text, &p.Values); err != nil {
			d := json.NewDecoder(strings.NewReader(string(text)))
			d.DisallowUnknownFields()
			if err := d.Decode(&p); err != nil {
				return nil, fmt.Errorf("space: %s: want a list of values, or min and max: %w", name, err)
			}
			p.Name = name
		}
		space = append(space, p)
	}
	slices.SortStableFunc(space, func(a, b sweep.Parameter) int { return strings.Compare(a.Name, b.Name) })
	return space, nil
}

// parseParameter reads training.lr=0.001,0.002 or training.lr=1e-4:1e-2:log.
func parseParameter(word string) (sweep.Parameter, error) {
	name, rest, ok := strings.Cut(word, "=")
	p := sweep.Parameter{Name: name}
	if !ok || name == "" || rest == "" {
		return p, fmt.Errorf("--param %q: want NAME=VALUES, as training.lr=0.001,0.002", word)
	}
	parts := strings.Split(rest, ":")
	if len(parts) >= 2 && !strings.ContainsAny(rest, ",[{\"") {
		var errs [2]error
		p.Min, errs[0] = strconv.ParseFloat(parts[0], 64)
		p.Max, errs[1] = strconv.ParseFloat(parts[1], 64)
		if err := errors.Join(errs[:]...); err != nil {
			return p, fmt.Errorf("--param %q: want a range as 1e-4:1e-2", word)
		}
		for _, mark := range parts[2:] {
			switch mark {
			case "log":
				p.Log = true
			case "int":
				p.Int = true
			default:
				return p, fmt.Errorf("--param %q: %q behind a range: want log or int", word, mark)
			}
		}
		return p, p.Check()
	}
	if strings.HasPrefix(rest, "[") { // a JSON list, of lists for instance
		if err := json.Unmarshal([]byte(rest), &p.Values); err == nil {
			return p, nil
		}
	}
	for v := range strings.SplitSeq(rest, ",") {
		v = strings.TrimSpace(v)
		if !json.Valid([]byte(v)) {
			quoted, err := json.Marshal(v)
			if err != nil {
				return p, err
			}
			v = string(quoted)
		}
		p.Values = append(p.Values, json.RawMessage(v))
	}
	return p, nil
}

// objectives are what can be measured, and whether higher is better.
var objectives = map[string]bool{"cross_entropy": false, "loss": false, "mse": false, "tstr": true}

// trialPlan is what all trials of a sweep share.
type trialPlan struct {
	base      netdiffus.Config
	spec      sweep.Spec
	objective string
	preset    string
	fit, held string // data sets
	samples   int
	seed      uint64
	noHost    bool
}

func (f *sweepFlags) execute(c *cobra.Command) error {
	if err := f.read(c); err != nil {
		return usageOf(c, err)
	}
	if err := required("data-dir", f.Data, "out", f.out); err != nil {
		return usageOf(c, err)
	}
	space, err := f.space()
	if err != nil {
		return usageOf(c, err)
	}
	ctx, w := c.Context(), c.ErrOrStderr()
	set, err := dataset.Open(f.Data, nil)
	if err != nil {
		return err
	}
	p, err := f.plan(ctx, space, set)
	if err != nil {
		return err
	}
	trials := filepath.Join(f.out, "trials")
	if err := os.MkdirAll(trials, 0o777); err != nil {
		return err
	}
	reference := ""
	if p.objective == "tstr" {
		if reference, err = p.holdOut(ctx, f.out, set); err != nil {
			return err
		}
		fmt.Fprintln(w, reference)
	}
	if p.noHost, err = c.Flags().GetBool(noHostFlag); err != nil {
		return err
	}
	var results []sweep.Result
	o := sweep.Options{Dir: f.out, Parallel: f.parallel, Try: func(ctx context.Context, j sweep.Job) (float64, error) {
		value, err := p.try(ctx, trials, j, *f.device)
		if atomicfile.DiskFailed(err) {
			err = fmt.Errorf("%w: %w", sweep.ErrStop, err)
		}
		return value, err
	}}
	for r, err := range sweep.Run(ctx, p.spec, o) {
		if err != nil {
			if errors.Is(err, context.Canceled) {
				fmt.Fprintf(w, "stopped after %d results; the same command goes on\n", len(results))
			}
			return err
		}
		results = append(results, r)
		if !r.Before {
			fmt.Fprintln(w, progressLine(p, r))
		}
	}
	rememberRuns(ctx, trials)
	return f.finish(c, p, results)
}

func progressLine(p *trialPlan, r sweep.Result) string {
	line := fmt.Sprintf("trial %d", r.Trial+1)
	if r.Steps > 0 {
		line += fmt.Sprintf(" to step %d", r.Steps)
	}
	if r.Error != "" {
		return line + " failed: " + r.Error
	}
	return fmt.Sprintf("%s: %s %.4g, %.0f s  %s", line, p.objective, r.Value, r.Seconds, r.Point)
}

// plan checks the sweep before anything is trained.
func (f *sweepFlags) plan(ctx context.Context, space []sweep.Parameter, set *dataset.Set) (*trialPlan, error) {
	preset := cmp.Or(f.Preset, netdiffus.PresetFor(set))
	make, ok := netdiffus.Presets[preset]
	if !ok {
		return nil, fmt.Errorf("preset %q: want one of %s", preset, strings.Join(presetNames(), ", "))
	}
	base := make()
	if len(f.Settings) > 0 {
		var err error
		if base, err = netdiffus.Decode(f.Settings, base); err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
	}
	objective := f.Objective
	if objective == "" {
		objective = objectiveFor(base)
	}
	higher, known := objectives[objective]
	switch {
	case !known:
		return nil, fmt.Errorf("objective %q: want cross_entropy, loss, mse or tstr", objective)
	case counted(base) && objective != "tstr":
		return nil, fmt.Errorf("a model that is counted has no %s while it is trained: measure tstr", objective)
	case counted(base) && (f.Steps > 0 || f.Method == string(sweep.Halving)):
		return nil, errors.New("a model that is counted has no steps: use a grid or random points, and leave the steps open")
	case !(f.HoldOut > 0 && f.HoldOut < 0.5):
		return nil, fmt.Errorf("hold out %v of the flows: want a share above 0 and below 0.5", f.HoldOut)
	case f.parallel < 1 || f.Samples < 1:
		return nil, errors.New("trials at once and flows to draw: want 1 or more")
	}
	if objective != "tstr" {
		base.Training.Validation = f.HoldOut
		if slices.ContainsFunc(space, func(p sweep.Parameter) bool {
			return p.Name == "training.seed" || p.Name == "training.validation"
		}) {
			return nil, fmt.Errorf("training.seed and training.validation decide which flows are held out, so that %s cannot be compared: measure tstr", objective)
		}
	}
	data, err := provenance.Hash(ctx, f.Data)
	if err != nil {
		return nil, err
	}
	text, err := base.JSON()
	if err != nil {
		return nil, err
	}
	p := &trialPlan{base: base, objective: objective, preset: preset, samples: f.Samples, seed: f.Seed, fit: f.Data}
	p.spec = sweep.Spec{
		Method: sweep.Method(f.Method), Space: space, Trials: f.Trials, Seed: f.Seed, Steps: f.Steps, Higher: higher,
		Setting: map[string]string{
			"objective": objective, "preset": preset, "config": string(text), "data_sha256": data.SHA256,
			"hold_out": fmt.Sprint(f.HoldOut), "num_samples": fmt.Sprint(f.Samples),
		},
	}
	if p.spec.Method == sweep.Halving {
		p.spec.MinSteps, p.spec.Eta = f.MinSteps, f.Eta
		if p.spec.Steps == 0 { // as the settings plan
			fitted, err := base.Fit(set)
			if err != nil {
				return nil, err
			}
			p.spec.Steps = cmp.Or(fitted.Training.Steps, fitted.Training.AnnealSteps)
		}
	}
	return p, p.check(set)
}

// objectiveFor is what suits the kind of model.
func objectiveFor(cfg netdiffus.Config) string {
	if counted(cfg) {
		return "tstr"
	}
	if codec := cfg.Kind.Codec(); codec != nil && codec.Name() == "atoms" {
		return "cross_entropy"
	}
	return "loss"
}

// check finds names and values that are no settings before hours of training do.
func (p *trialPlan) check(set *dataset.Set) error {
	for _, parameter := range p.spec.Space {
		if err := parameter.Check(); err != nil {
			return err
		}
		values := parameter.Values
		if len(values) == 0 {
			values = []json.RawMessage{json.RawMessage(fmt.Sprint(parameter.Min)), json.RawMessage(fmt.Sprint(parameter.Max))}
		}
		for _, v := range values {
			if _, err := p.config(sweep.Point{parameter.Name: v}); err != nil {
				return fmt.Errorf("%s=%s: %w", parameter.Name, v, err)
			}
		}
	}
	_, err := p.base.Fit(set)
	return err
}

// config is the settings of a point.
func (p *trialPlan) config(point sweep.Point) (netdiffus.Config, error) {
	text, err := point.Settings()
	if err != nil {
		return netdiffus.Config{}, err
	}
	return netdiffus.Decode(text, p.base)
}

// finish prints and keeps the results.
func (f *sweepFlags) finish(c *cobra.Command, p *trialPlan, results []sweep.Result) error {
	w := c.OutOrStdout()
	trials := sweep.Best(p.spec, results)
	var csv strings.Builder
	if err := sweep.WriteCSV(&csv, p.spec, p.objective, results); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(f.out, "table.csv"), []byte(csv.String())); err != nil {
		return err
	}
	picture := filepath.Join(f.out, "sweep.png")
	figure, err := sweep.Picture(p.spec, p.objective, results)
	if err == nil {
		err = plots.Save(picture, figure)
	}
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "no picture: %v\n", err)
	}
	if f.json {
		text, err := plainjson.Marshal(map[string]any{"objective": p.objective, "trials": trials, "effects": sweep.Effects(p.spec, results)})
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	}
	if err := sweep.WriteTable(w, p.spec, p.objective, results); err != nil {
		return err
	}
	if len(trials) > 0 && trials[0].Error == "" {
		fmt.Fprintf(c.ErrOrStderr(), "the best run is %s, the picture %s\n", trialDir(filepath.Join(f.out, "trials"), trials[0].Trial), picture)
		return nil
	}
	return errors.New("every trial failed; the files log.txt below --out/trials say why")
}

// trialDir is the run directory of a trial.
func trialDir(trials string, trial int) string {
	return filepath.Join(trials, fmt.Sprintf("trial-%04d", trial+1))
}
