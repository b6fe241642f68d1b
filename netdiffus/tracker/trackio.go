package tracker

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path"
	"time"
)

// trackioKind sends to a server of Trackio, one that runs on a machine of the user's.
// The environment says the rest, as for Trackio's own client:
//
//	TRACKIO_SERVER_URL    the server; a write_token in it is used, and kept nowhere
//	TRACKIO_WRITE_TOKEN   the token, if it is not in the address
//	TRACKIO_PROJECT       the project; "netdiffus" by default
type trackioKind struct{}

func (trackioKind) Name() string { return "trackio" }

func (trackioKind) New(at string) (Tracker, error) {
	if u, err := url.Parse(at); err == nil && u.Query().Has("write_token") {
		return nil, fmt.Errorf("tracker: trackio at %s: the address holds a token: give it in the environment, as TRACKIO_WRITE_TOKEN", u.Host)
	}
	at = cmp.Or(at, os.Getenv("TRACKIO_SERVER_URL"), "http://127.0.0.1:7860")
	c, err := newClient("trackio", at, func(r *http.Request) {
		token := os.Getenv("TRACKIO_WRITE_TOKEN")
		if u, err := url.Parse(os.Getenv("TRACKIO_SERVER_URL")); token == "" && err == nil && u.Host == r.URL.Host {
			token = u.Query().Get("write_token")
		}
		if token != "" {
			r.Header.Set("X-Trackio-Write-Token", token)
		}
	})
	if err != nil {
		return nil, err
	}
	return &trackio{client: c, project: cmp.Or(os.Getenv("TRACKIO_PROJECT"), "netdiffus")}, nil
}

type trackio struct {
	client  *client
	project string
	id      string
	run     Run
	told    bool // the server has the settings
}

func (t *trackio) At() string { return t.client.base.String() }

// call calls a function of the server's: its arguments go by their names.
func (t *trackio) call(ctx context.Context, name string, arguments map[string]any, data any) error {
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	err := t.client.call(ctx, http.MethodPost, "api/"+name, nil, map[string]any{"args": []any{}, "kwargs": arguments}, &answer)
	if err == nil && data != nil {
		err = json.Unmarshal(answer.Data, data)
	}
	return err
}

// Open chooses the run's identifier itself: the server takes any.
func (t *trackio) Open(ctx context.Context, run Run, id string) (name string, fresh bool, err error) {
	var there []struct {
		ID string `json:"id"`
	}
	if err := t.call(ctx, "get_runs_for_project", map[string]any{"project": t.project}, &there); err != nil {
		return "", false, err
	}
	fresh = true
	for _, r := range there {
		fresh = fresh && r.ID != id
	}
	if id == "" || fresh {
		var random [16]byte
		if _, err := rand.Read(random[:]); err != nil {
			return "", false, fmt.Errorf("tracker: trackio: %w", err)
		}
		id = hex.EncodeToString(random[:])
	}
	t.id, t.run, t.told = id, run, !fresh
	return id, fresh, nil
}

// trackioEntry is what Trackio keeps of a step. An entry with an identifier that is
// there already is passed over.
type trackioEntry struct {
	Project string            `json:"project"`
	Run     string            `json:"run"`
	RunID   string            `json:"run_id"`
	Step    int               `json:"step"`
	ID      string            `json:"log_id"`
	Metrics map[string]any    `json:"metrics"`
	Config  map[string]string `json:"config,omitempty"`
}

func (t *trackio) entry(step int, what string, metrics map[string]any) trackioEntry {
	return trackioEntry{Project: t.project, Run: t.run.Name, RunID: t.id, Step: step, ID: fmt.Sprintf("%s-%d-%s", t.id, step, what), Metrics: metrics}
}

// Send sends points, pictures and histograms. Trackio dates them itself, when they
// arrive.
func (t *trackio) Send(ctx context.Context, b Batch) error {
	var entries []trackioEntry
	for _, p := range b.Points {
		metrics := map[string]any{}
		for name, v := range p.Values {
			metrics[name] = trackioNumber(v)
		}
		entries = append(entries, t.entry(p.Step, "metrics", metrics))
	}
	for _, m := range b.Images {
		place, err := t.upload(ctx, m)
		if err != nil {
			return refused(err)
		}
		value := map[string]any{"_type": "trackio.image", "file_path": place, "caption": nil}
		entries = append(entries, t.entry(m.Step, m.Name, map[string]any{m.Name: value}))
	}
	for _, h := range b.Histograms {
		counts, edges := binned(h.Values)
		if counts == nil {
			continue
		}
		value := map[string]any{"_type": "trackio.histogram", "bins": edges, "values": counts}
		entries = append(entries, t.entry(h.Step, h.Name, map[string]any{h.Name: value}))
	}
	if len(entries) == 0 {
		return nil // files: Trackio's pages show none
	}
	if !t.told {
		entries[0].Config = maps.Clone(t.run.Params)
		maps.Copy(entries[0].Config, t.run.Tags)
		entries[0].Config["_Created"] = t.run.Started.UTC().Format(time.RFC3339)
	}
	if err := t.call(ctx, "bulk_log", map[string]any{"logs": entries, "hf_token": nil}, nil); err != nil {
		return err
	}
	t.told = true
	return nil
}

// trackioNumber is a number in JSON as Trackio's database has it.
func trackioNumber(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return v
}

// upload puts a picture on the server and returns its name among the media there.
func (t *trackio) upload(ctx context.Context, m Image) (string, error) {
	name := hex.EncodeToString([]byte(m.Name)) + ".png"
	if len(name) > 200 {
		name = name[len(name)-200:]
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("files", name)
	if err == nil {
		_, err = part.Write(m.PNG)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return "", fmt.Errorf("tracker: trackio: %w", err)
	}
	answer, err := t.client.send(ctx, time.Minute, http.MethodPost, "api/upload", nil, w.FormDataContentType(), &form)
	if err != nil {
		return "", err
	}
	var uploaded struct{ Paths []string }
	if err := json.Unmarshal(answer, &uploaded); err != nil || len(uploaded.Paths) != 1 {
		return "", fmt.Errorf("tracker: trackio: api/upload: the answer is not the one expected: %w", err)
	}
	err = t.call(ctx, "bulk_upload_media", map[string]any{"hf_token": nil, "uploads": []any{map[string]any{
		"project": t.project, "run": t.run.Name, "run_id": t.id, "step": m.Step, "relative_path": nil,
		"uploaded_file": map[string]any{"path": uploaded.Paths[0], "orig_name": name, "meta": map[string]string{"_type": "gradio.FileData"}},
	}}}, nil)
	return path.Join(t.project, t.run.Name, fmt.Sprint(m.Step), name), err
}

// Finish does nothing: Trackio has no word for the end of a run.
func (t *trackio) Finish(context.Context, Status, time.Time) error { return nil }

func (t *trackio) Close() error {
	t.client.http.CloseIdleConnections()
	return nil
}
