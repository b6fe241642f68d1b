package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

const token = "the-key"

// newRun makes a run directory with lines of metrics up to a step, by tens.
func newRun(t testing.TB, dir string, steps int) *track.Run {
	t.Helper()
	run, err := track.Create(dir)
	check(t, err)
	t.Cleanup(func() { run.Close() })
	check(t, run.WriteConfig(map[string]any{"diffusion": map[string]any{"steps": 10}, "training": map[string]any{"lr": 1e-3, "steps": 100}}))
	check(t, run.AddSession(track.Session{Started: time.Now(), Versions: map[string]string{}}))
	log, err := run.OpenLog(0)
	check(t, err)
	for step := 10; step <= steps; step += 10 {
		check(t, log.Add(step, map[string]float64{"loss": 1 / float64(step), "grad_norm": math.NaN()}))
	}
	check(t, log.Close())
	return run
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start serves the runs below a folder, and returns a client that has the key.
func start(t testing.TB, root string) (address string, client *http.Client) {
	t.Helper()
	s, err := New(Options{Roots: []string{root}, Token: token, Poll: 5 * time.Millisecond, Warn: func(err error) { t.Log("warned:", err) }})
	check(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	check(t, err)
	client = &http.Client{Jar: jar}
	l, err := net.ResolveTCPAddr("tcp", server.Listener.Addr().String())
	check(t, err)
	answer, err := client.Get(s.Address(l))
	check(t, err)
	answer.Body.Close()
	if answer.StatusCode != 200 || answer.Request.URL.RawQuery != "" {
		t.Fatalf("the address that is printed leads to %s, %s", answer.Request.URL, answer.Status)
	}
	return server.URL, client
}

func get(t testing.TB, client *http.Client, address string, v any) {
	t.Helper()
	answer, err := client.Get(address)
	check(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(t, err)
	if answer.StatusCode != 200 {
		t.Fatalf("%s: %s: %s", address, answer.Status, text)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v in %s", address, err, text)
	}
}

// status asks with some headers, and without the key unless it is among them.
func status(t testing.TB, method, address string, headers map[string]string) int {
	t.Helper()
	request, err := http.NewRequest(method, address, nil)
	check(t, err)
	for name, value := range headers {
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	answer, err := (&http.Transport{}).RoundTrip(request)
	check(t, err)
	answer.Body.Close()
	return answer.StatusCode
}

func TestWhoMayAsk(t *testing.T) {
	root := t.TempDir()
	newRun(t, filepath.Join(root, "first"), 20)
	address, _ := start(t, root)
	u, err := url.Parse(address)
	check(t, err)
	key := "netdiffus-" + u.Port() + "=" + token
	for name, c := range map[string]struct {
		method, path string
		headers      map[string]string
		want         int
	}{
		"no key":                   {"GET", "/api/runs", nil, 403},
		"no key, the page":         {"GET", "/", nil, 403},
		"no key, a script":         {"GET", "/app.js", nil, 403},
		"a wrong token":            {"GET", "/?token=another", nil, 403},
		"the token":                {"GET", "/?token=" + token, nil, 303},
		"the token, elsewhere":     {"GET", "/api/runs?token=" + token, nil, 403},
		"the key":                  {"GET", "/api/runs", map[string]string{"Cookie": key}, 200},
		"the key of another port":  {"GET", "/api/runs", map[string]string{"Cookie": "netdiffus-1=" + token}, 403},
		"an empty key":             {"GET", "/api/runs", map[string]string{"Cookie": "netdiffus-" + u.Port() + "="}, 403},
		"another name for us":      {"GET", "/api/runs", map[string]string{"Cookie": key, "Host": "evil.example:" + u.Port()}, 421},
		"localhost":                {"GET", "/api/runs", map[string]string{"Cookie": key, "Host": "localhost:" + u.Port()}, 200},
		"our origin":               {"GET", "/api/runs", map[string]string{"Cookie": key, "Origin": address}, 200},
		"another origin":           {"GET", "/api/runs", map[string]string{"Cookie": key, "Origin": "http://evil.example"}, 403},
		"another port's page":      {"GET", "/api/runs", map[string]string{"Cookie": key, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		"another site's image":     {"GET", "/", map[string]string{"Cookie": key, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		"a link on another site":   {"GET", "/", map[string]string{"Cookie": key, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		"a change":                 {"POST", "/api/runs", map[string]string{"Cookie": key}, 405},
		"a deletion":               {"DELETE", "/api/run/x", map[string]string{"Cookie": key}, 405},
		"out of the page's folder": {"GET", "/../serve.go", map[string]string{"Cookie": key}, 404},
		"no such run":              {"GET", "/api/run/0000000000000000", map[string]string{"Cookie": key}, 404},
	} {
		if got := status(t, c.method, address+c.path, c.headers); got != c.want && !(c.want == 404 && got/100 == 3) {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	request, err := http.NewRequest("GET", address+"/?token="+token, nil)
	check(t, err)
	answer, err := (&http.Transport{}).RoundTrip(request)
	check(t, err)
	answer.Body.Close()
	if c := answer.Cookies()[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || answer.Header.Get("Location") != "/" {
		t.Errorf("the cookie is %v, and the page %q", c, answer.Header.Get("Location"))
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"} {
		if got := answer.Header.Get("Content-Security-Policy"); !strings.Contains(got, want) || strings.Contains(got, "unsafe") {
			t.Errorf("the policy is %q, want %q in it", got, want)
		}
	}
}

// listed is the list's answer.
type listed struct {
	Runs []struct {
		Key, Name, State string
		Step             int
		Loss             any
		Problems         []string
	}
}

func TestRuns(t *testing.T) {
	root := t.TempDir()
	first := newRun(t, filepath.Join(root, "first"), 100000) // ten thousand lines
	check(t, first.Close())
	second := newRun(t, filepath.Join(root, `a<b>&"'`), 30)
	check(t, second.Close())
	check(t, os.MkdirAll(filepath.Join(root, "damaged"), 0o777))
	check(t, os.WriteFile(filepath.Join(root, "damaged", "config.json"), []byte(`{"training":`), 0o666))
	check(t, os.WriteFile(filepath.Join(root, "damaged", "metrics.jsonl"), []byte("no JSON\n"), 0o666))
	var flows []traffic.Flow
	for i := range 20 {
		flows = append(flows, traffic.Flow{Label: "dns", Packets: []traffic.Packet{{Length: 40 + i}, {Length: 100, Dir: traffic.Down}}})
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4})
	check(t, err)
	check(t, set.Save(filepath.Join(root, "first", "samples", "drawn"), &dataset.SaveOptions{Layout: dataset.Samples}))

	address, client := start(t, root)
	var all listed
	get(t, client, address+"/api/runs", &all)
	keys := map[string]string{}
	for _, r := range all.Runs {
		keys[r.Name] = r.Key
	}
	if len(all.Runs) != 3 || keys[`a<b>&"'`] == "" {
		t.Fatalf("the list is %+v", all)
	}
	for _, r := range all.Runs {
		if (r.Name == "damaged") != (len(r.Problems) > 0) {
			t.Errorf("the problems of %s are %q", r.Name, r.Problems)
		}
	}

	var curves struct {
		Series map[string]struct {
			X []float64
			Y []*float64
		}
		Lines int
		At    int64
	}
	get(t, client, address+"/api/run/"+keys["first"]+"/curves", &curves)
	loss := curves.Series["loss"]
	if n := len(loss.X); curves.Lines != 10000 || n < curvePoints/2 || n > 5*curvePoints || loss.X[0] != 10 || *loss.Y[0] != 0.1 {
		t.Errorf("%d lines are shown as %d points", curves.Lines, len(loss.X))
	}
	if norm := curves.Series["grad_norm"]; len(norm.Y) == 0 || norm.Y[0] != nil {
		t.Errorf("what is no number is shown as %v", norm.Y)
	}

	for _, name := range []string{"first", "damaged"} {
		var run struct {
			Key, State string
			Samples    []struct{ Path string }
		}
		get(t, client, address+"/api/run/"+keys[name], &run)
		if run.Key != keys[name] || (run.State == "damaged") != (name == "damaged") || name == "first" && len(run.Samples) != 1 {
			t.Errorf("%s: %+v", name, run)
		}
	}
	for path, want := range map[string]int{
		"samples/samples/drawn": 200, "samples/samples/other": 404, "samples/../../first/samples/drawn": 404,
		"samples/..%2f..%2fsecret": 404, "report/0": 404, "report/-1": 404, "report/x": 404, "live?at=x": 400,
		"../../compare?keys=" + keys["first"]: 400,
	} {
		answer, err := client.Get(address + "/api/run/" + keys["first"] + "/" + path)
		check(t, err)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, answer.Status, want)
		}
		if want == 200 && answer.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s is of the type %s", path, answer.Header.Get("Content-Type"))
		}
	}

	var compared struct {
		Keys     []string
		Runs     []struct{ Name string }
		Settings []struct{ Name string }
	}
	get(t, client, address+"/api/compare?keys="+keys["first"]+",0000000000000000,"+keys["damaged"]+","+keys["first"], &compared)
	if len(compared.Keys) != 2 || len(compared.Runs) != 2 || compared.Runs[1].Name != "damaged" || len(compared.Settings) == 0 {
		t.Errorf("compared are %+v", compared)
	}
}

// event is a server-sent event.
type event struct{ name, data string }

// events reads a stream of them.
func events(t testing.TB, client *http.Client, address string) <-chan event {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	check(t, err)
	answer, err := client.Do(request)
	check(t, err)
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s, %s", address, answer.Status, answer.Header.Get("Content-Type"))
	}
	out := make(chan event, 100)
	go func() {
		defer answer.Body.Close()
		defer close(out)
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				out <- e
			}
		}
	}()
	return out
}

func TestLive(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "first")
	run := newRun(t, dir, 20)
	address, client := start(t, root)
	var all listed
	get(t, client, address+"/api/runs", &all)
	if len(all.Runs) != 1 || all.Runs[0].State != "training" {
		t.Fatalf("the list is %+v", all)
	}
	at, err := os.Stat(track.MetricsFile(dir))
	check(t, err)
	stream := events(t, client, fmt.Sprintf("%s/api/run/%s/live?at=%d", address, all.Runs[0].Key, at.Size()))
	next := func(name string) string {
		t.Helper()
		for {
			select {
			case e, open := <-stream:
				if !open {
					t.Fatalf("the stream ended before %q", name)
				}
				if e.name == name {
					return e.data
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("no %q", name)
			}
		}
	}
	if got := next("state"); !strings.Contains(got, "training") {
		t.Errorf("state %s", got)
	}
	log, err := run.OpenLog(20)
	check(t, err)
	check(t, log.Add(30, map[string]float64{"loss": 0.5}))
	if got := next("points"); got != `{"loss":{"x":[30],"y":[0.5]}}` {
		t.Errorf("points %s", got)
	}
	check(t, log.Close())
	check(t, run.Close())
	if got := next("state"); strings.Contains(got, "training") {
		t.Errorf("state %s, after the trainer ended", got)
	}
	// Another trainer takes lines back.
	run, err = track.Create(dir)
	check(t, err)
	log, err = run.OpenLog(10)
	check(t, err)
	check(t, log.Close())
	next("again")
	check(t, run.Close())
}

// TestHostileReport checks that a report's page runs nothing, whoever wrote it.
func TestHostileReport(t *testing.T) {
	root := t.TempDir()
	check(t, newRun(t, filepath.Join(root, "first"), 20).Close())
	report := filepath.Join(root, "first", "report")
	check(t, os.MkdirAll(report, 0o777))
	check(t, os.WriteFile(filepath.Join(report, "metrics.json"), []byte(`{"schema":"netdiffus-report/1","verdict":{"headline":"<b>"},"sizes":[{"per_class":1,"rows":[{"source":"synthetic","figures":{}}]}],"memorisation":{}}`), 0o666))
	check(t, os.WriteFile(filepath.Join(report, "report.html"), []byte(`<script>alert(1)</script>`), 0o666))
	address, client := start(t, root)
	var all listed
	get(t, client, address+"/api/runs", &all)
	answer, err := client.Get(address + "/api/run/" + all.Runs[0].Key + "/report/0")
	check(t, err)
	answer.Body.Close()
	got := answer.Header.Get("Content-Security-Policy")
	if answer.StatusCode != 200 || !strings.Contains(got, "sandbox") || strings.Contains(got, "script-src") || !strings.Contains(got, "default-src 'none'") {
		t.Errorf("%s with the policy %q", answer.Status, got)
	}
}

func TestNoFolder(t *testing.T) {
	s, err := New(Options{Roots: []string{filepath.Join(t.TempDir(), "none")}})
	check(t, err)
	if _, err := s.runs(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("runs = %v", err)
	}
}

func TestMemoryLoadsWhatIsBelow(t *testing.T) {
	m := &memory{records: map[string]runs.Record{}}
	base, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	t.Chdir(base)
	all := map[string]runs.Record{}
	for _, name := range []string{"a", "a/b", "ab", "c"} {
		all[filepath.Join(base, filepath.FromSlash(name))] = runs.Record{Fingerprint: name}
	}
	check(t, m.Store(t.Context(), all, nil))
	for _, c := range []struct {
		roots []string
		want  int
	}{{[]string{base}, 4}, {[]string{"."}, 4}, {[]string{"a"}, 2}, {[]string{filepath.Join(base, "a"), "c"}, 3}, {[]string{"/"}, 4}, {nil, 0}} {
		if got, err := m.Load(t.Context(), c.roots); err != nil || len(got) != c.want {
			t.Errorf("below %q: %d records, want %d (%v)", c.roots, len(got), c.want, err)
		}
	}
}
