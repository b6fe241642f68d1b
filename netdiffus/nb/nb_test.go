//go:build unix

package nb_test

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nb"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

func TestPlot(t *testing.T) {
	out := runCell(t, "plot")
	if out.code != 0 || out.stdout != "before\nafter\n" || out.stderr != "" || len(out.shown) != 1 {
		t.Fatalf("code %d, stdout %q, stderr %q, %d shown", out.code, out.stdout, out.stderr, len(out.shown))
	}
	d := out.shown[0]
	m, err := png.Decode(bytes.NewReader(d.Data[protocol.MIMEImagePNG].([]byte)))
	if err != nil {
		t.Fatal(err)
	}
	look := d.Metadata["image/png"].(map[string]any)
	if w := look["width"].(int); w != m.Bounds().Dx()/2 {
		t.Errorf("shown %d wide, picture %d: want half", w, m.Bounds().Dx())
	}
	alt := d.Data[protocol.MIMETextPlain].(string)
	if !strings.Contains(alt, "Payload length") || !strings.Contains(alt, "real 3 values, mean 2, from 1 to 3") || look["alt"] != alt {
		t.Errorf("in words %q", alt)
	}
	if d.DisplayID != "" {
		t.Errorf("a plain plot has the display id %q", d.DisplayID)
	}
}

func TestImage(t *testing.T) {
	out := runCell(t, "image")
	if out.code != 0 || len(out.shown) != 2 {
		t.Fatalf("code %d, %d shown, stderr %s", out.code, len(out.shown), out.stderr)
	}
	c, err := png.DecodeConfig(bytes.NewReader(out.shown[0].Data[protocol.MIMEImagePNG].([]byte)))
	if err != nil || c.Width != 250 || c.Height != 250 {
		t.Errorf("10x10 became %dx%d, %v, want 250x250", c.Width, c.Height, err)
	}
	if text := out.shown[1].Data[protocol.MIMETextMarkdown]; text != "**bold** and $x^2$" {
		t.Errorf("Markdown %q", text)
	}
}

func TestTable(t *testing.T) {
	out := runCell(t, "table")
	if out.code != 0 || len(out.shown) != 1 {
		t.Fatalf("code %d, %d shown, stderr %s", out.code, len(out.shown), out.stderr)
	}
	want := "" +
		"class    flows   error     accuracy  lengths\n" +
		"-------  -----  ------  -----------  -------\n" +
		"web <b>    120  0.1235  0.88 ± 0.01  52 1448\n" +
		"mail         7       –         90 %  7\n" +
		"dns       1448   12346               −40 30"
	if got := out.shown[0].Data[protocol.MIMETextPlain]; got != want {
		t.Errorf("as text:\n%s\nwant\n%s", got, want)
	}
	page := out.shown[0].Data[protocol.MIMETextHTML].(string)
	if !strings.Contains(page, `<td style="text-align: left">web &lt;b&gt;</td><td style="text-align: right">120</td>`) ||
		strings.Contains(page, "script") || strings.Contains(page, " id=") {
		t.Errorf("as HTML: %s", page)
	}
}

// TestLive: drawn at most four times a second under one id, and at the end with
// everything that was added.
func TestLive(t *testing.T) {
	out := runCell(t, "live")
	if out.code != 0 || out.stderr != "" || len(out.shown) < 3 {
		t.Fatalf("code %d, %d shown, stderr %q", out.code, len(out.shown), out.stderr)
	}
	for i, d := range out.shown {
		if d.DisplayID == "" || d.DisplayID != out.shown[0].DisplayID {
			t.Errorf("drawing %d has the display id %q, the first %q", i, d.DisplayID, out.shown[0].DisplayID)
		}
		// The last drawing is due at once; times are of arrival, hence the room.
		if i > 0 && i < len(out.shown)-1 {
			if pause := out.when[i].Sub(out.when[i-1]); pause < 150*time.Millisecond {
				t.Errorf("drawing %d came %v after the one before", i, pause)
			}
		}
	}
	if span := out.when[len(out.when)-1].Sub(out.when[0]); len(out.shown) > int(4*span.Seconds())+3 {
		t.Errorf("%d drawings in %v", len(out.shown), span)
	}
	alt := out.shown[len(out.shown)-1].Data[protocol.MIMETextPlain].(string)
	for _, part := range []string{"loss: from 1 at 1 to 0.003333 at 300", "late: from 0.5 at 300", "samples: 4 images of 10x10"} {
		if !strings.Contains(alt, part) {
			t.Errorf("the last drawing shows\n%s\nwithout %q", alt, part)
		}
	}
	if again := runCell(t, "live"); again.shown[0].DisplayID == out.shown[0].DisplayID {
		t.Error("a second run has the first one's display id, so its output would stay empty")
	}
}

// TestLiveGoesOn: a curve begins where an earlier run left it.
func TestLiveGoesOn(t *testing.T) {
	out := runCell(t, "resumed live")
	want := "Training: curves (loss over training step)\nloss: from 3 at 10 to 1.5 at 20"
	if got := out.shown[len(out.shown)-1].Data[protocol.MIMETextPlain]; out.code != 0 || got != want {
		t.Errorf("code %d, %q, want %q", out.code, got, want)
	}
}

// TestFailure: a failing cell shows the last state of what is live, then its
// error in one line.
func TestFailure(t *testing.T) {
	out := runCell(t, "failing live")
	if out.code != 1 || out.stderr != "✗ disk full\n" {
		t.Errorf("code %d, stderr %q", out.code, out.stderr)
	}
	alt := out.shown[len(out.shown)-1].Data[protocol.MIMETextPlain].(string)
	if !strings.Contains(alt, "to 0.5 at 2") {
		t.Errorf("the last drawing is %q", alt)
	}
}

func TestProgress(t *testing.T) {
	out := runCell(t, "progress")
	if out.code != 0 || len(out.shown) < 2 || len(out.shown) > 20 {
		t.Fatalf("code %d, %d shown for 2000 steps, stderr %s", out.code, len(out.shown), out.stderr)
	}
	want := "drawing  ████████████████████  2,000 of 2,000"
	if got := out.shown[len(out.shown)-1].Data[protocol.MIMETextPlain]; got != want {
		t.Errorf("at last %q, want %q", got, want)
	}
	noted := 0
	for i, shown := range out.shown {
		line := shown.Data[protocol.MIMETextPlain].(string)
		if strings.HasSuffix(line, ", compiling") {
			noted++
			if noted < i || strings.Contains(line, "of") {
				t.Errorf("%q, after a step", line)
			}
		}
	}
	if noted == 0 {
		t.Error("the note was never shown")
	}
}

func TestCheck(t *testing.T) {
	out := runCell(t, "check")
	want := "✓ one and one are 2\n✓ mean error: 4.41, expected 4.4 ± 0.1\n"
	if out.code != 1 || out.stdout != want || out.stderr != "✗ does not hold: mean error: 5, expected 4.4 ± 0.1\n" {
		t.Errorf("code %d, stdout %q, stderr %q", out.code, out.stdout, out.stderr)
	}
}

func TestProfile(t *testing.T) {
	for _, c := range []struct{ profile, want string }{
		{"", "2000 false\n"}, {"full", "2000 false\n"}, {"smoke", "60 true\n"}, {"smok", ""},
	} {
		out := runCell(t, "smoke", nb.ProfileEnv+"="+c.profile)
		if out.stdout != c.want || (out.code != 0) != (c.want == "") {
			t.Errorf("profile %q: code %d, %q, want %q", c.profile, out.code, out.stdout, c.want)
		}
	}
}

func TestInterrupt(t *testing.T) {
	out := runCell(t, "interrupted")
	if out.code != 130 || out.stderr != "interrupted: train: stopped after step 7: context canceled\n" {
		t.Errorf("code %d, stderr %q", out.code, out.stderr)
	}
}

// TestElsewhere: outside of a notebook nothing is shown, and what fails panics.
func TestElsewhere(t *testing.T) {
	if nb.Here() {
		t.Fatal("a test is no notebook")
	}
	nb.Plot(plots.Figure{})
	nb.Image(nil, "")
	nb.PNG(nil, "")
	nb.Table(nil, nil)
	nb.Markdown("")
	live := nb.NewLive("", plots.Chart{})
	live.Add("loss", 1, 2)
	live.Show("samples", nb.Must1(plots.Grid(imaging.New(1, 2, 2, 1), 1, 1)))
	live.Close()
	p := nb.NewProgress("", 0)
	p.Set(1)
	p.Close()
	nb.Check(true, "true")
	defer func() {
		if err, _ := recover().(error); err == nil || err.Error() != "does not hold: 1 is 2" {
			t.Errorf("panicked with %v", err)
		}
	}()
	nb.Check(false, "%d is %d", 1, 2)
}
