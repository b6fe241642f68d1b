package tracker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// servers are the trackers that are servers.
var servers = []string{"mlflow", "trackio"}

func TestExport(t *testing.T) {
	for _, name := range servers {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t)
			dir := newRun(t, 12000) // more than one batch of lines
			addSamples(t, dir)
			sent, err := Export(t.Context(), dir, target(name, s.URL), Options{Status: Finished})
			check(t, err)
			if sent.Points != 1200 || sent.Left != 0 || sent.Step != 12000 || len(sent.Skipped) > 0 {
				t.Errorf("sent %+v", sent)
			}
			run := s.only(t)
			if run.name != "first" || run.params["training.lr"] != "0.0001" || run.params["training.seed"] != "9223372036854775809" || run.params["classes"] != `["dns","video"]` {
				t.Errorf("the run %q has the settings %v", run.name, run.params)
			}
			if got := run.metrics["loss"]; len(got) != 1200 || got[20] != "0.05" {
				t.Errorf("%d losses, at step 20 %q", len(got), got[20])
			}
			if got := run.metrics["grad_norm"][20]; got != "Infinity" {
				t.Errorf("an infinite number arrived as %q", got)
			}
			switch name {
			case "mlflow":
				if run.status != "FINISHED" || run.files["samples/drawn.png"] == 0 || run.files["plots/loss.png"] == 0 || run.files["config.json"] == 0 {
					t.Errorf("status %s, files %v", run.status, run.files)
				}
				if want := began.Add(5 * time.Second).UnixMilli(); run.times[10] != want {
					t.Errorf("step 10 is of %d, want %d", run.times[10], want)
				}
			case "trackio":
				if s.uploads != 2 || len(run.metrics["samples/drawn"]) != 1 || !strings.Contains(run.metrics["samples/drawn/length/dns"][20], "trackio.histogram") {
					t.Errorf("%d uploads, %v", s.uploads, run.metrics["samples/drawn"])
				}
			}

			again, err := Export(t.Context(), dir, target(name, s.URL), Options{})
			if err != nil || again.Points != 0 || again.Files != 0 || run.double != 0 || again.ID != sent.ID {
				t.Errorf("the second time %+v, %v; %d values arrived twice", again, err, run.double)
			}

			// A run that its user deleted there is another one, when it is asked for.
			s.set(func() { run.deleted = true })
			again, err = Export(t.Context(), dir, target(name, s.URL), Options{})
			if err != nil || again.Points != 1200 || again.ID == sent.ID {
				t.Errorf("after the run was deleted: %+v, %v", again, err)
			}
		})
	}
}

func TestExportToTwoServers(t *testing.T) {
	dir := newRun(t, 30)
	for range 2 { // to both in turn: each has a place of its own
		for _, s := range []*standIn{newStandIn(t), newStandIn(t)} {
			sent, err := Export(t.Context(), dir, target("mlflow", s.URL), Options{})
			if err != nil || sent.Points != 3 {
				t.Errorf("%+v, %v", sent, err)
			}
		}
	}
}

func TestExportToWhatIsNotThere(t *testing.T) {
	gone := newStandIn(t)
	gone.Close()
	down := newStandIn(t)
	down.down = true
	for name, at := range map[string]string{"refused": gone.URL, "503": down.URL} {
		dir := newRun(t, 30)
		var said []string
		sent, err := Export(t.Context(), dir, target("mlflow", at), Options{Attempts: 2, Progress: func(m string) { said = append(said, m) }})
		if err == nil || !strings.Contains(err.Error(), "mlflow at "+at) || sent.Left != 3 || len(said) != 1 {
			t.Errorf("%s: %+v, %v, said %q", name, sent, err, said)
		}
	}
	if _, err := Export(t.Context(), t.TempDir(), target("mlflow", down.URL), Options{}); !errors.Is(err, track.ErrNotRun) {
		t.Errorf("of an empty folder: %v", err)
	}
}

// secret is in the environment of the tests below, and must be in nothing that is
// written or said.
const secret = "s3cr3t-t0ken"

func TestTokensAreWrittenNowhere(t *testing.T) {
	for name, set := range map[string]func(at string){
		"mlflow":  func(string) { t.Setenv("MLFLOW_TRACKING_TOKEN", secret) },
		"trackio": func(at string) { t.Setenv("TRACKIO_SERVER_URL", at+"/?write_token="+secret) },
	} {
		s := newStandIn(t)
		s.token = secret
		dir := newRun(t, 30)
		to := target(name, s.URL)
		if _, err := Export(t.Context(), dir, to, Options{}); err == nil || !strings.Contains(err.Error(), "in the environment?") {
			t.Errorf("%s without a token: %v", name, err)
		}
		set(s.URL)
		if name == "trackio" {
			to.At = "" // from the environment, with its token
		}
		_, err := Export(t.Context(), dir, to, Options{})
		check(t, err)
		s.set(func() { s.token = "another" })
		more(t, dir, 30, 40)
		if _, err := Export(t.Context(), dir, to, Options{}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s with a wrong token: %v", name, err)
		}
		check(t, filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds the token", path)
			}
			return err
		}))
	}
}

func TestAddressesWithPasswords(t *testing.T) {
	for _, list := range []string{
		"mlflow=http://me:" + secret + "@127.0.0.1:1", "mlflow=http://" + secret + ":@127.0.0.1:1", "mlflow=ftp://me:" + secret + "@host",
		"trackio=http://127.0.0.1:1/?write_token=" + secret, "mlflow=http://me:" + secret + "@[::1", "mlflow=me:" + secret + "@host",
		"tensorboard=http://127.0.0.1",
	} {
		_, err := Parse(list)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(%q) = %v", strings.ReplaceAll(list, secret, "SECRET"), err)
		}
	}
	t.Setenv("MLFLOW_TRACKING_URI", "http://me:"+secret+"@127.0.0.1:1")
	if _, err := Parse("mlflow"); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("from the environment: %v", err)
	}
}

func TestParse(t *testing.T) {
	for list, want := range map[string]string{
		"":                            "",
		" , ":                         "",
		"wandb":                       "want one of tensorboard, mlflow, trackio",
		"mlflow,mlflow=http://a":      "named twice",
		"mlflow=sqlite:///x.db":       "want the address of a server",
		"tensorboard=logs,trackio":    "",
		"mlflow=https://host/prefix/": "",
	} {
		if _, err := Parse(list); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", list, err, want)
		}
	}
	t.Setenv(Variable, "none")
	if _, err := FromEnvironment(); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("from the environment: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newStandIn(t)
	s := newStandIn(t)
	s.Config.Handler = redirect(elsewhere.URL)
	_, err := Export(t.Context(), newRun(t, 10), target("mlflow", s.URL), Options{Attempts: 1})
	if err == nil || elsewhere.requests != 0 || !strings.Contains(err.Error(), "another address") {
		t.Errorf("%v, %d requests went elsewhere", err, elsewhere.requests)
	}
}

func TestDamagedRun(t *testing.T) {
	s := newStandIn(t)
	dir := newRun(t, 30)
	addSamples(t, dir)
	f, err := os.OpenFile(track.MetricsFile(dir), os.O_APPEND|os.O_WRONLY, 0)
	check(t, err)
	f.WriteString("no JSON\n{\"step\":40,\"loss\":1}\n{\"step\":50,")
	f.Close()
	check(t, os.WriteFile(filepath.Join(track.Plots(dir), "torn.png"), []byte("\x89PNG"), 0o666))
	check(t, os.WriteFile(filepath.Join(track.Samples(dir), "drawn", "manifest.json"), []byte("{"), 0o666))
	sent, err := Export(t.Context(), dir, target("mlflow", s.URL), Options{})
	if err != nil || sent.Points != 4 {
		t.Errorf("%+v, %v", sent, err)
	}
	var names []string
	for _, why := range sent.Skipped {
		name, _, _ := strings.Cut(why, ":")
		names = append(names, name)
	}
	if want := []string{"plots/torn.png", "samples/drawn"}; !slices.Equal(names, want) {
		t.Errorf("skipped %q, want %q", sent.Skipped, want)
	}
}

func TestTwoAtOnce(t *testing.T) {
	dir := newRun(t, 10)
	p, err := openPlaces(dir, "mlflow")
	check(t, err)
	defer p.close()
	if _, err := Export(t.Context(), dir, Target{Name: "mlflow"}, Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("Export = %v, want ErrBusy", err)
	}
}

// TestPlaceThatCannotBeWritten checks that what was sent is noted as soon as it can be.
func TestPlaceThatCannotBeWritten(t *testing.T) {
	dir := newRun(t, 30)
	s, err := newSender(dir, Target{Name: "tensorboard"})
	check(t, err)
	defer s.close()
	check(t, s.open(t.Context()))
	blocked := s.places.path + ".new"
	check(t, os.Mkdir(blocked, 0o777))
	for range 2 {
		if err := s.metrics(t.Context()); err == nil {
			t.Fatal("a place that cannot be written is no error")
		}
	}
	check(t, os.Remove(blocked))
	check(t, s.metrics(t.Context()))
	if n := len(eventsIn(t, filepath.Join(dir, "tensorboard"))); s.places.stale || s.sent.Points != 3 || n != 2+3*3 {
		t.Errorf("%d points were sent as %d events, the place is stale: %v", s.sent.Points, n, s.places.stale)
	}
}

func TestHostileNames(t *testing.T) {
	s := newStandIn(t)
	for _, name := range []string{"a b';DROP TABLE runs;--<script>", "%2e%2e..\nünï"} {
		dir := newRun(t, 10)
		hostile := filepath.Join(filepath.Dir(dir), "x"+name)
		check(t, os.Rename(dir, hostile))
		addSamples(t, hostile)
		check(t, os.Rename(filepath.Join(track.Samples(hostile), "drawn"), filepath.Join(track.Samples(hostile), "y"+name)))
		for _, to := range servers {
			_, err := Export(t.Context(), hostile, target(to, s.URL), Options{})
			check(t, err)
		}
		_, err := Export(t.Context(), hostile, target("tensorboard", filepath.Dir(hostile), "logs"), Options{})
		check(t, err)
	}
}

// BenchmarkExport tells what a line of metrics costs, all trackers' work done beside a
// training: the processor time of its process, that of the stand-in server included.
func BenchmarkExport(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			dir := newRun(b, 10000)
			s := newStandIn(b)
			for b.Loop() {
				at := s.URL
				if name == "tensorboard" {
					at = b.TempDir()
				}
				check(b, os.RemoveAll(filepath.Join(dir, "trackers")))
				_, err := Export(b.Context(), dir, target(name, at), Options{})
				check(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/line")
		})
	}
}
