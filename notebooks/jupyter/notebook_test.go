package jupyter

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
)

// noisy is a picture of about size bytes, which no encoder makes smaller.
func noisy(size int) string {
	side := 1
	for side*side < size {
		side++
	}
	m := image.NewGray(image.Rect(0, 0, side, side))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func code(outputs []Output, tags ...string) Cell {
	one := 1
	c := Cell{Type: "code", Source: "x()\ny()", Outputs: outputs, Count: &one}
	if len(tags) > 0 {
		c.Metadata = map[string]any{"tags": toAny(tags)}
	}
	return c
}

func shown(kind string, v any) Output {
	return Output{Type: "display_data", Data: map[string]any{kind: v, "text/plain": "in words"}}
}

func TestCheck(t *testing.T) {
	picture, blank := shown("image/png", noisy(9000)), shown("image/png", noisy(100))
	stderr := Output{Type: "stream", Name: "stderr", Text: "something is odd\n"}
	failure := Output{Type: "error", EName: "ERROR", EValue: "exit status 1", Traceback: []string{"\x1b[31mtrace\x1b[0m"}}
	for _, c := range []struct {
		name string
		cell Cell
		want []string // parts of the problems, in order
	}{
		{"text", code([]Output{{Type: "stream", Name: "stdout", Text: "fine"}}), nil},
		{"plot", code([]Output{picture}, PlotTag), nil},
		{"plot with words around", code([]Output{shown("text/html", "<table><tr><td>1</td></tr></table>"), picture}, PlotTag), nil},
		{"plot missing", code(nil, PlotTag), []string{"shows 0 pictures"}},
		{"plot twice", code([]Output{picture, picture}, PlotTag), []string{"shows 2 pictures"}},
		{"plot blank", code([]Output{blank}, PlotTag), []string{"as a blank one has"}},
		{"plot broken", code([]Output{shown("image/png", base64.StdEncoding.EncodeToString(make([]byte, 6000)))}, PlotTag), []string{"does not decode"}},
		{"plot not tagged", code([]Output{picture}), []string{"lacks the tag plot"}},
		{"error", code([]Output{failure}), []string{"fails: exit status 1\ntrace"}},
		{"error with its reason", code([]Output{stderr, failure}, PlotTag), []string{"fails: something is odd\nexit status 1"}},
		{"stderr", code([]Output{stderr}), []string{"writes to the standard error: something is odd"}},
		{"stderr allowed", code([]Output{stderr}, stderrTag), nil},
		{"script", code([]Output{shown("text/html", "<b>x</b><SCRIPT>1</SCRIPT>")}), []string{"runs or downloads"}},
		{"handler", code([]Output{shown("text/html", `<b onclick="x()">x</b>`)}), []string{"runs or downloads"}},
		{"picture from elsewhere", code([]Output{shown("text/html", `<img src="https://example.org/x.png">`)}), []string{"runs or downloads"}},
		{"svg", code([]Output{shown("image/svg+xml", "<svg/>")}), []string{"image/svg+xml"}},
		{"markdown cell", Cell{Type: "markdown", Source: "# x"}, nil},
	} {
		got := (&Notebook{Cells: []Cell{c.cell}}).Check()
		ok := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			ok = ok && strings.Contains(got[i].Text, c.want[i]) && got[i].Cell == 1
		}
		if !ok {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStale(t *testing.T) {
	fresh := func() *Notebook {
		n := &Notebook{Format: 4, Cells: []Cell{{Type: "markdown", Source: "# Title"}, code(nil, "plot", "b"), {Type: "code"}}}
		n.setStamp(Stamp{Source: n.SourceHash(), Profile: Full})
		return n
	}
	for _, c := range []struct {
		name   string
		change func(*Notebook)
		want   string // a part of the reason; "" for none
	}{
		{"as rendered", func(*Notebook) {}, ""},
		{"order of tags", func(n *Notebook) { n.Cells[1].Metadata["tags"] = []any{"b", "plot"} }, ""},
		{"outputs alone", func(n *Notebook) { n.Cells[1].Outputs = []Output{{Type: "stream", Name: "stdout", Text: "x"}} }, ""},
		{"source", func(n *Notebook) { n.Cells[1].Source += " " }, "changed"},
		{"text", func(n *Notebook) { n.Cells[0].Source = "# Other" }, "changed"},
		{"tags", func(n *Notebook) { n.Cells[1].Metadata = nil }, "changed"},
		{"one cell cut in two", func(n *Notebook) {
			a, b := n.Cells[1], n.Cells[1]
			a.Source, b.Source = "x()", "y()"
			n.Cells = []Cell{n.Cells[0], a, b, n.Cells[2]}
		}, "changed"},
		{"profile", func(n *Notebook) { n.setStamp(Stamp{Source: n.SourceHash(), Profile: Smoke}) }, "smoke"},
		{"no outputs", func(n *Notebook) { n.Cells[1].Count = nil }, "not run: 2"},
		{"no stamp", func(n *Notebook) { n.Metadata = nil }, "not written by"},
		{"odd stamp", func(n *Notebook) { n.Metadata[stampKey] = "x" }, "not written by"},
	} {
		n := fresh()
		c.change(n)
		if got := n.Stale(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNormalise(t *testing.T) {
	seven := 7
	n := &Notebook{Minor: 2, Metadata: map[string]any{"widgets": 1}, Cells: []Cell{
		{Type: "code", ID: "x", Source: "a()", Count: &seven, Metadata: map[string]any{"execution": "12:00", "tags": []any{"plot"}}},
		{Type: "code", ID: "x", Source: "a()", Count: &seven},
		{Type: "markdown", Source: "a()", Metadata: map[string]any{"collapsed": true}},
	}}
	n.normalise()
	if *n.Cells[0].Count != 1 || *n.Cells[1].Count != 2 {
		t.Errorf("counts %d, %d, want 1, 2", *n.Cells[0].Count, *n.Cells[1].Count)
	}
	if !n.Cells[0].Has("plot") || len(n.Cells[0].Metadata) != 1 || len(n.Cells[2].Metadata) != 0 || n.Metadata["widgets"] != nil {
		t.Errorf("metadata %v, %v, %v", n.Cells[0].Metadata, n.Cells[2].Metadata, n.Metadata)
	}
	first, second := n.Cells[0].ID, n.Cells[1].ID
	if first == second || n.Cells[2].ID == first || len(first) != 8 {
		t.Errorf("ids %q, %q, %q", first, second, n.Cells[2].ID)
	}
	n.Cells = append([]Cell{{Type: "markdown", Source: "new"}}, n.Cells...)
	n.normalise()
	if n.Cells[1].ID != first || n.Cells[2].ID != second {
		t.Errorf("a cell put before changed the ids")
	}
}

func TestCoalesce(t *testing.T) {
	stream := func(name, text string) Output { return Output{Type: "stream", Name: name, Text: Text(text)} }
	table := shown("text/html", "<table></table>")
	n := &Notebook{Cells: []Cell{{Type: "code", Outputs: []Output{
		stream("stdout", "step 1"), stream("stdout", "\rstep 2"), stream("stdout", "\r\nbye\rgood\n"),
		table, stream("stdout", "after"), stream("stderr", "oh"), stream("stdout", "\n"),
	}}}}
	n.coalesce()
	var got []string
	for _, o := range n.Cells[0].Outputs {
		got = append(got, o.Name+":"+string(o.Text))
	}
	want := "stdout:step 2\ngood\n|:|stdout:after|stderr:oh|stdout:\n"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("%q, want %q", s, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{``, `{`, `{"nbformat": 3}`, `{"nbformat": 4, "cells": [{"source": 1}]}`, `{"nbformat": 4, "cells": [{"source": ["a", 1]}]}`} {
		if _, err := parse([]byte(s)); err == nil {
			t.Errorf("parse(%s) succeeds", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a\n", "b"], "metadata": {"tags": ["plot", 1]}, "outputs": [{"output_type": "display_data", "data": {"image/png": ["x", "y"], "a/b": {"c": 1}}}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parse(b)
		if err != nil {
			return
		}
		n.Check()
		n.Stale()
		n.coalesce()
		n.normalise()
		again, err := encode(n, " ")
		if err != nil {
			t.Fatal(err)
		}
		back, err := parse(again)
		if err != nil || back.SourceHash() != n.SourceHash() {
			t.Fatalf("written and read back: %v, hash %s became %s", err, n.SourceHash(), back.SourceHash())
		}
	})
}

func TestStyle(t *testing.T) {
	top := Cell{Type: "markdown", Source: "# Title\n\nGoal, Time, Reads, Writes"}
	end := Cell{Type: "markdown", Source: "## Exercise"}
	for _, c := range []struct {
		name string
		cell Cell
		want string
	}{
		{"short", Cell{Type: "code", Source: "%%\nx()"}, ""},
		{"long", Cell{Type: "code", Source: Text(strings.Repeat("x()\n", 25))}, "25 lines"},
		{"blank lines do not count", Cell{Type: "code", Source: Text(strings.Repeat("x()\n\n", 24))}, ""},
		{"wide", Cell{Type: "code", Source: Text("\t" + strings.Repeat("é", 117))}, "121 columns"},
		{"wide text", Cell{Type: "markdown", Source: Text(strings.Repeat("word ", 100))}, ""},
	} {
		got := (&Notebook{Cells: []Cell{top, c.cell, end}}).Style()
		if (len(got) == 0) != (c.want == "") || c.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := (&Notebook{}).Style(); len(got) != 6 {
		t.Errorf("an empty notebook: %q, want 6 problems", got)
	}
}
