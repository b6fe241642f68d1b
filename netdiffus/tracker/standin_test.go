package tracker

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// standIn is a server that behaves as MLflow's and Trackio's do, as far as this package
// uses them; the long tests use the real ones.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	token    string        // wanted of every request
	down     bool          // it answers 503
	slow     time.Duration // before every answer
	requests int
	runs     map[string]*standInRun // by their identifiers
	projects int
	uploads  int
}

type standInRun struct {
	name, status string
	deleted      bool
	params       map[string]string
	tags         map[string]string
	metrics      map[string]map[int]string // by name and step: the value as it was sent
	times        map[int]int64
	files        map[string]int // by name: bytes
	double       int            // metrics that were there already
}

func newStandIn(t testing.TB) *standIn {
	s := &standIn{runs: map[string]*standInRun{}}
	mux := http.NewServeMux()
	const mlflow = "/api/2.0/mlflow/"
	mux.HandleFunc("GET "+mlflow+"experiments/get-by-name", func(w http.ResponseWriter, r *http.Request) {
		if s.projects == 0 {
			no(w, 404, "RESOURCE_DOES_NOT_EXIST", "no experiment "+r.URL.Query().Get("experiment_name"))
			return
		}
		yes(w, map[string]any{"experiment": map[string]any{"experiment_id": "1", "lifecycle_stage": "active"}})
	})
	mux.HandleFunc("POST "+mlflow+"experiments/create", func(w http.ResponseWriter, r *http.Request) {
		s.projects++
		yes(w, map[string]any{"experiment_id": "1"})
	})
	mux.HandleFunc("POST "+mlflow+"runs/create", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Name string     `json:"run_name"`
			Tags []keyValue `json:"tags"`
		}
		read(r, &in)
		id := fmt.Sprintf("run%d", len(s.runs))
		s.runs[id] = newStandInRun(in.Name)
		for _, tag := range in.Tags {
			s.runs[id].tags[tag.Key] = tag.Value
		}
		yes(w, s.describe(id))
	})
	mux.HandleFunc("GET "+mlflow+"runs/get", func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("run_id"); s.runs[id] == nil {
			no(w, 404, "RESOURCE_DOES_NOT_EXIST", "no run "+id)
		} else {
			yes(w, s.describe(id))
		}
	})
	mux.HandleFunc("POST "+mlflow+"runs/update", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ID     string `json:"run_id"`
			Status string `json:"status"`
		}
		read(r, &in)
		s.runs[in.ID].status = in.Status
		yes(w, map[string]any{})
	})
	mux.HandleFunc("POST "+mlflow+"runs/log-batch", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			ID      string `json:"run_id"`
			Metrics []struct {
				Key   string
				Value any
				Time  int64 `json:"timestamp"`
				Step  int
			}
			Params []keyValue
		}
		read(r, &in)
		if len(in.Metrics) > 1000 || len(in.Params) > 100 {
			no(w, 400, "INVALID_PARAMETER_VALUE", "a batch is too large")
			return
		}
		run := s.runs[in.ID]
		for _, p := range in.Params {
			if before, there := run.params[p.Key]; there && before != p.Value {
				no(w, 400, "INVALID_PARAMETER_VALUE", "changing params is not allowed")
				return
			}
			run.params[p.Key] = p.Value
		}
		for _, m := range in.Metrics {
			run.add(m.Key, m.Step, m.Value)
			run.times[m.Step] = m.Time
		}
		yes(w, map[string]any{})
	})
	mux.HandleFunc("PUT /api/2.0/mlflow-artifacts/artifacts/1/{run}/artifacts/{name...}", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		s.runs[r.PathValue("run")].files[r.PathValue("name")] = len(text)
		yes(w, map[string]any{})
	})

	call := func(name string, f func(w http.ResponseWriter, arguments json.RawMessage)) {
		mux.HandleFunc("POST /api/"+name, func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Kwargs json.RawMessage `json:"kwargs"`
			}
			read(r, &in)
			f(w, in.Kwargs)
		})
	}
	call("get_runs_for_project", func(w http.ResponseWriter, _ json.RawMessage) {
		list := []map[string]string{}
		for id, run := range s.runs {
			if !run.deleted {
				list = append(list, map[string]string{"id": id, "name": run.name})
			}
		}
		yes(w, map[string]any{"data": list})
	})
	call("bulk_log", func(w http.ResponseWriter, arguments json.RawMessage) {
		var in struct {
			Logs []trackioEntry `json:"logs"`
		}
		if err := json.Unmarshal(arguments, &in); err != nil {
			no(w, 400, "", err.Error())
			return
		}
		for _, e := range in.Logs {
			run := s.runs[e.RunID]
			if run == nil {
				run = newStandInRun(e.Run)
				s.runs[e.RunID] = run
			}
			for name, value := range e.Config {
				run.params[name] = value
			}
			for name, value := range e.Metrics {
				run.add(name, e.Step, value)
			}
		}
		yes(w, map[string]any{"data": nil})
	})
	mux.HandleFunc("POST /api/upload", func(w http.ResponseWriter, r *http.Request) {
		s.uploads++
		yes(w, map[string]any{"paths": []string{fmt.Sprintf("upload%d", s.uploads)}})
	})
	call("bulk_upload_media", func(w http.ResponseWriter, _ json.RawMessage) { yes(w, map[string]any{"data": nil}) })

	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		slow := s.slow
		down, token := s.down, s.token
		s.mu.Unlock()
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			return
		}
		given := r.Header.Get("X-Trackio-Write-Token") + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case down:
			http.Error(w, "down", http.StatusServiceUnavailable)
		case given != token:
			no(w, 401, "PERMISSION_DENIED", "who are you?")
		default:
			s.mu.Lock()
			defer s.mu.Unlock()
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Server.Close)
	return s
}

func newStandInRun(name string) *standInRun {
	return &standInRun{name: name, params: map[string]string{}, tags: map[string]string{}, metrics: map[string]map[int]string{}, times: map[int]int64{}, files: map[string]int{}}
}

func (r *standInRun) add(name string, step int, value any) {
	if r.metrics[name] == nil {
		r.metrics[name] = map[int]string{}
	}
	if _, there := r.metrics[name][step]; there {
		r.double++
	}
	r.metrics[name][step] = fmt.Sprint(value)
}

func (s *standIn) describe(id string) map[string]any {
	stage := "active"
	if s.runs[id].deleted {
		stage = "deleted"
	}
	return map[string]any{"run": map[string]any{"info": map[string]any{"run_id": id, "lifecycle_stage": stage, "artifact_uri": "mlflow-artifacts:/1/" + id + "/artifacts"}}}
}

// set changes how the server behaves.
func (s *standIn) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// only returns the one run that there is and is not deleted.
func (s *standIn) only(t testing.TB) *standInRun {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *standInRun
	for _, run := range s.runs {
		if !run.deleted {
			if found != nil {
				t.Fatalf("there are %d runs", len(s.runs))
			}
			found = run
		}
	}
	if found == nil {
		t.Fatal("there is no run")
	}
	return found
}

func read(r *http.Request, v any) {
	d := json.NewDecoder(r.Body)
	if err := d.Decode(v); err != nil {
		panic(err)
	}
}

func yes(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func no(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error_code": code, "message": message})
}
