package tracker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// mlflowKind sends to a server of MLflow over its REST API, version 2.0. The
// environment says the rest, as for MLflow's own client:
//
//	MLFLOW_TRACKING_URI                                the server
//	MLFLOW_EXPERIMENT_NAME or MLFLOW_EXPERIMENT_ID     the experiment; "netdiffus" by default
//	MLFLOW_TRACKING_TOKEN                              or
//	MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD
type mlflowKind struct{}

func (mlflowKind) Name() string { return "mlflow" }

func (mlflowKind) New(at string) (Tracker, error) {
	at = cmp.Or(at, os.Getenv("MLFLOW_TRACKING_URI"), "http://127.0.0.1:5000")
	c, err := newClient("mlflow", at, func(r *http.Request) {
		if token := os.Getenv("MLFLOW_TRACKING_TOKEN"); token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		} else if user := os.Getenv("MLFLOW_TRACKING_USERNAME"); user != "" {
			r.SetBasicAuth(user, os.Getenv("MLFLOW_TRACKING_PASSWORD"))
		}
	})
	if err != nil {
		return nil, err
	}
	return &mlflow{client: c}, nil
}

type mlflow struct {
	client    *client
	id        string
	artifacts string // path of the run's files behind the server; "" where it does not keep them
	why       string // where it does not
}

func (m *mlflow) At() string { return m.client.base.String() }

// Limits of MLflow's REST API (mlflow/utils/validation.py).
const (
	mostMLflowMetrics = 1000
	mostMLflowParams  = 100
	longestMLflowName = 250
	longestMLflowText = 6000 // of a parameter's value; a tag's may be longer
)

func (m *mlflow) api(ctx context.Context, method, name string, query url.Values, in, out any) error {
	return m.client.call(ctx, method, "api/2.0/mlflow/"+name, query, in, out)
}

// mlflowRun is a run in MLflow's answers.
type mlflowRun struct {
	Run struct {
		Info struct {
			ID        string `json:"run_id"`
			Artifacts string `json:"artifact_uri"`
			Stage     string `json:"lifecycle_stage"`
		} `json:"info"`
	} `json:"run"`
}

type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (m *mlflow) Open(ctx context.Context, run Run, id string) (name string, fresh bool, err error) {
	var there mlflowRun
	if id != "" {
		err := m.api(ctx, http.MethodGet, "runs/get", url.Values{"run_id": {id}}, nil, &there)
		var no *answerError
		switch {
		case errors.As(err, &no) && no.status == http.StatusNotFound:
			there = mlflowRun{}
		case err != nil:
			return "", false, err
		case there.Run.Info.Stage == "deleted":
			there = mlflowRun{}
		default:
			// It goes on: the run was finished before, and more of it has come.
			err := m.api(ctx, http.MethodPost, "runs/update", nil, map[string]any{"run_id": id, "status": "RUNNING"}, nil)
			if err != nil {
				return "", false, err
			}
		}
	}
	if there.Run.Info.ID == "" {
		if there, err = m.create(ctx, run); err != nil {
			return "", false, err
		}
		fresh = true
	}
	m.id = there.Run.Info.ID
	m.place(there.Run.Info.Artifacts)
	return m.id, fresh, m.params(ctx, run.Params)
}

func (m *mlflow) create(ctx context.Context, run Run) (there mlflowRun, err error) {
	experiment, err := m.experiment(ctx)
	if err != nil {
		return there, err
	}
	began := run.Started
	if began.IsZero() {
		began = time.Now()
	}
	tags := []keyValue{{"mlflow.runName", run.Name}, {"mlflow.source.name", "netdiffus"}, {"mlflow.source.type", "LOCAL"}}
	for _, name := range slices.Sorted(maps.Keys(run.Tags)) {
		tags = append(tags, keyValue{name, run.Tags[name]})
	}
	err = m.api(ctx, http.MethodPost, "runs/create", nil, map[string]any{
		"experiment_id": experiment, "run_name": run.Name, "start_time": began.UnixMilli(), "tags": tags,
	}, &there)
	if err == nil && there.Run.Info.ID == "" {
		err = fmt.Errorf("tracker: mlflow at %s: it made a run without a name", m.At())
	}
	return there, err
}

// experiment returns the identifier of the experiment, which it makes where it is
// missing.
func (m *mlflow) experiment(ctx context.Context) (string, error) {
	if id := os.Getenv("MLFLOW_EXPERIMENT_ID"); id != "" {
		return id, nil
	}
	name := cmp.Or(os.Getenv("MLFLOW_EXPERIMENT_NAME"), "netdiffus")
	var found struct {
		Experiment struct {
			ID    string `json:"experiment_id"`
			Stage string `json:"lifecycle_stage"`
		} `json:"experiment"`
	}
	get := func() error {
		return m.api(ctx, http.MethodGet, "experiments/get-by-name", url.Values{"experiment_name": {name}}, nil, &found)
	}
	err := get()
	var no *answerError
	if errors.As(err, &no) && no.status == http.StatusNotFound {
		var made struct {
			ID string `json:"experiment_id"`
		}
		if err = m.api(ctx, http.MethodPost, "experiments/create", nil, map[string]any{"name": name}, &made); err == nil {
			return made.ID, nil
		}
		if errors.As(err, &no) && no.code == "RESOURCE_ALREADY_EXISTS" { // another run has just made it
			err = get()
		}
	}
	if err == nil && found.Experiment.Stage == "deleted" {
		err = fmt.Errorf("tracker: mlflow: the experiment %q is deleted there: restore it, or name another in MLFLOW_EXPERIMENT_NAME", name)
	}
	return found.Experiment.ID, err
}

// params sends the settings. MLflow takes the same ones again.
func (m *mlflow) params(ctx context.Context, params map[string]string) error {
	var all []keyValue
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value := params[name]
		if len(value) > longestMLflowText {
			value = strings.ToValidUTF8(value[:longestMLflowText-4], "") + " …"
		}
		all = append(all, keyValue{mlflowName(name), value})
	}
	for some := range slices.Chunk(all, mostMLflowParams) {
		if err := m.api(ctx, http.MethodPost, "runs/log-batch", nil, map[string]any{"run_id": m.id, "params": some}, nil); err != nil {
			return err
		}
	}
	return nil
}

// mlflowName is a name that MLflow takes: other characters become "_".
func mlflowName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("_-. /", r):
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), longestMLflowName)]
}

type mlflowMetric struct {
	Key   string      `json:"key"`
	Value mlflowValue `json:"value"`
	Time  int64       `json:"timestamp"` // ms
	Step  int         `json:"step"`
}

// mlflowValue is a number as protobuf writes it in JSON.
type mlflowValue float64

func (v mlflowValue) MarshalJSON() ([]byte, error) {
	switch f := float64(v); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(float64(v))
}

func (m *mlflow) Send(ctx context.Context, b Batch) error {
	var metrics []mlflowMetric
	for _, p := range b.Points {
		for _, name := range slices.Sorted(maps.Keys(p.Values)) {
			metrics = append(metrics, mlflowMetric{mlflowName(name), mlflowValue(p.Values[name]), p.Time.UnixMilli(), p.Step})
		}
	}
	for some := range slices.Chunk(metrics, mostMLflowMetrics) {
		if err := m.api(ctx, http.MethodPost, "runs/log-batch", nil, map[string]any{"run_id": m.id, "metrics": some}, nil); err != nil {
			return err
		}
	}
	for _, f := range b.Files {
		text, err := os.ReadFile(f.Path)
		if err != nil {
			return &RefusedError{err}
		}
		if err := m.artifact(ctx, f.Name, text); err != nil {
			return err
		}
	}
	for _, image := range b.Images {
		if err := m.artifact(ctx, image.Name+".png", image.PNG); err != nil {
			return err
		}
	}
	return nil // histograms: MLflow has none
}

// place finds where the run's files go: MLflow's server takes them itself where the
// address says mlflow-artifacts, which is so unless it was started otherwise.
func (m *mlflow) place(artifacts string) {
	m.artifacts, m.why = "", ""
	u, err := url.Parse(artifacts)
	switch {
	case err == nil && u.Scheme == "mlflow-artifacts":
		m.artifacts = strings.Trim(u.Path, "/")
	case err == nil && u.Scheme != "":
		m.why = "the server does not keep files itself, but in " + u.Scheme + ": start it with --serve-artifacts"
	default:
		m.why = "the server does not keep files itself: start it with --serve-artifacts"
	}
}

func (m *mlflow) artifact(ctx context.Context, name string, content []byte) error {
	if m.artifacts == "" {
		return &RefusedError{errors.New(m.why)}
	}
	to := path.Join("api/2.0/mlflow-artifacts/artifacts", m.artifacts, escaped(name))
	_, err := m.client.send(ctx, 2*time.Minute, http.MethodPut, to, nil, "application/octet-stream", strings.NewReader(string(content)))
	return refused(err)
}

// escaped is a path whose elements are such as a URL has them.
func escaped(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

func (m *mlflow) Finish(ctx context.Context, s Status, at time.Time) error {
	status := map[Status]string{Running: "RUNNING", Finished: "FINISHED", Failed: "FAILED", Stopped: "KILLED"}[s]
	update := map[string]any{"run_id": m.id, "status": status}
	if s != Running {
		update["end_time"] = at.UnixMilli()
	}
	return m.api(ctx, http.MethodPost, "runs/update", nil, update, nil)
}

func (m *mlflow) Close() error {
	m.client.http.CloseIdleConnections()
	return nil
}
