package proxy

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/kernels/wire"
)

func TestIsComplete(t *testing.T) {
	for code, want := range map[string]string{
		"":                                   "complete",
		"// only a comment":                  "complete",
		"func f() {}":                        "complete",
		"func f() {":                         "incomplete",
		"func f() {}}":                       "invalid",
		"func f() {]":                        "invalid",
		"func f() { s := `a":                 "incomplete",
		"func f() { s := `a\n` }":            "complete",
		"func f() { /* { */ }":               "complete",
		"func f() { // }\n}":                 "complete",
		"/* open":                            "incomplete",
		`var s = "a`:                         "invalid",
		`var s = "{"`:                        "complete",
		"var r = '{'":                        "complete",
		"var x = 1 +":                        "incomplete",
		"var x = []int{\n1,\n2,":             "incomplete",
		"type T[P any] struct{ x P }":        "complete",
		"import (\n\"fmt\"\n)":               "complete",
		"import (":                           "incomplete",
		"fmt.Println(1)":                     "invalid", // a statement outside of main
		"%%\nfmt.Println(1)":                 "complete",
		"%%\nfor i := range 3 {\nf(i)":       "incomplete",
		"%main\nx := 1\n_ = x":               "complete",
		"var x = 1\n%%\nfmt.Println(x)":      "complete",
		"//gonb:%%\nfmt.Println(1)":          "complete",
		"%% --steps 3\nfmt.Println(1)":       "complete",
		"!ls {":                              "complete",
		"!ls \\":                             "incomplete",
		"!ls \\\n  -l":                       "complete",
		"%env A B\n!echo `\n%%\nprintln()":   "complete",
		"%%bash\nfor i in 1 2; do":           "incomplete",
		"%%bash\nls\n":                       "complete",
		"%%writefile x":                      "incomplete",
		"%%\nselect {\ncase x := <-c:\nf(x)": "incomplete",
		"%%\nvar größe = \"π\"\n_ = größe":   "complete",
		"@":                                  "invalid",
	} {
		if got := isComplete(code); got.Status != want {
			t.Errorf("isComplete(%q) = %+v, want %s", code, got, want)
		}
	}
	if got := isComplete("%%\nfor {\nif x {"); got.Indent != "\t\t" {
		t.Errorf("indent %q, want two tabs", got.Indent)
	}
}

func FuzzIsComplete(f *testing.F) {
	f.Add("func f() {")
	f.Add("%%\n`")
	f.Add("%%bash\n\n")
	f.Fuzz(func(t *testing.T, code string) {
		if got := isComplete(code); !slices.Contains([]string{"complete", "incomplete", "invalid"}, got.Status) {
			t.Errorf("isComplete(%q) = %+v", code, got)
		}
	})
}

func TestHistory(t *testing.T) {
	var h history
	for i, code := range []string{"a/b", "[x]", "a/b", "c", "a\nb"} {
		h.add(i+1, code)
	}
	stop := 4
	lines := func(r historyRequest) (list []int) {
		for _, e := range h.find(r) {
			list = append(list, e[1].(int))
		}
		return list
	}
	for name, c := range map[string]struct {
		r    historyRequest
		want []int
	}{
		"tail":           {historyRequest{Access: "tail", N: 2}, []int{4, 5}},
		"long tail":      {historyRequest{Access: "tail", N: 99}, []int{1, 2, 3, 4, 5}},
		"range":          {historyRequest{Access: "range", Start: 2, Stop: &stop}, []int{2, 3}},
		"open range":     {historyRequest{Access: "range", Session: 1, Start: 4}, []int{4, 5}},
		"other session":  {historyRequest{Access: "range", Session: 7}, nil},
		"search":         {historyRequest{Access: "search", Pattern: "a*"}, []int{1, 3, 5}},
		"slash":          {historyRequest{Access: "search", Pattern: "a/?"}, []int{1, 3}},
		"bracket":        {historyRequest{Access: "search", Pattern: "[x*"}, []int{2}},
		"unique":         {historyRequest{Access: "search", Pattern: "*/b", Unique: true}, []int{3}},
		"newest n":       {historyRequest{Access: "search", Pattern: "*", N: 1}, []int{5}},
		"nothing":        {historyRequest{Access: "search", Pattern: "zz"}, nil},
		"empty pattern":  {historyRequest{Access: "search"}, []int{1, 2, 3, 4, 5}},
		"negative count": {historyRequest{Access: "tail", N: -3}, []int{1, 2, 3, 4, 5}},
	} {
		if got := lines(c.r); !slices.Equal(got, c.want) {
			t.Errorf("%s: lines %v, want %v", name, got, c.want)
		}
	}
	if got := h.find(historyRequest{Access: "tail", N: 1, Output: true}); !reflect.DeepEqual(got[0][2], [2]any{"a\nb", nil}) {
		t.Errorf("with outputs: %v", got)
	}
	for i := range maxHistory + 5 {
		h.add(i, "x")
	}
	if len(h.entries) != maxHistory {
		t.Errorf("%d inputs are kept, want %d", len(h.entries), maxHistory)
	}
}

func TestExplain(t *testing.T) {
	exited := failure{Name: "ERROR", Value: "exit status 2"}
	panicked := "log line\npanic: boom\nmore\n\ngoroutine 1 [running]:\nmain.f(...)\n\t \x1b[7m[[ Cell [3] Line 2 ]]\x1b[0m /tmp/x/main.go:10 +0x65\nmain.main()\n\t/tmp/x/main.go:12\n"
	compile := failure{Name: "ERROR", Value: "# gonb_1\n./main.go:10:1: undefined: x", Traceback: []string{
		"\x1b[31m# gonb_1\x1b[0m", "Cell[3]: Line 2\nfunc main() {\n\tx()\n\n\x1b[31mundefined: x\x1b[0m", "\x1b[31m\x1b[0m"}}
	for name, c := range map[string]struct {
		f           failure
		stderr      string
		broken      *standin.ShellFailure
		interrupted bool
		ename, text string
		traceback   string
	}{
		"panic":         {exited, panicked, nil, false, "Panic", "boom", "Cell 3 Line 2"},
		"fatal":         {exited, "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1", nil, false, "FatalError", "all goroutines are asleep - deadlock!", ""},
		"exit":          {failure{Value: "exit status 3"}, "", nil, false, "ExitError", "exit status 3", ""},
		"log.Fatal":     {failure{Value: "exit status 1"}, "first\n20 no way\n", nil, false, "ExitError", "exit status 1: 20 no way", ""},
		"progress":      {failure{Value: "exit status 1"}, "a\rb\rlast", nil, false, "ExitError", "exit status 1: last", ""},
		"killed":        {failure{Value: "signal: killed"}, "", nil, false, "Killed", "the cell was killed: it ran out of memory, or it ran on for 5 s after an interrupt", ""},
		"interrupt":     {failure{Value: "signal: interrupt"}, "", nil, true, "Interrupted", "the cell was interrupted", ""},
		"shell":         {failure{}, "", &standin.ShellFailure{Command: "!false", Code: 1}, false, "ShellError", "`!false` ended with exit status 1", ""},
		"shell stopped": {failure{}, "", &standin.ShellFailure{Command: "!sleep", Interrupted: true}, false, "Interrupted", "the cell was interrupted", ""},
		"import":        {failure{Value: "failed to run \"/k/bin/go get\": exit status 1\n\n" + standin.ErrorPrefix + "cannot import x\n"}, "", nil, false, "ImportError", "cannot import x", ""},
		"compile":       {compile, "", nil, false, "CompileError", "Cell[3]: Line 2: undefined: x", "Cell[3]: Line 2"},
		"command":       {failure{Value: "executing special commands in cell: no such folder"}, "", nil, false, "CommandError", "no such folder", ""},
		"other":         {failure{Value: "failed to run \"go build\": exit status 1\nodd"}, "", nil, false, "Error", "odd", ""},
		"nothing":       {failure{}, "", nil, false, "Error", "the cell failed", ""},
	} {
		got := explain(c.f, c.stderr, c.broken, c.interrupted)
		if got.Name != c.ename || got.Value != c.text {
			t.Errorf("%s: %s: %s; want %s: %s", name, got.Name, got.Value, c.ename, c.text)
		}
		trace := strings.Join(got.Traceback, "\n")
		if !strings.Contains(trace, c.traceback) || !strings.Contains(trace, c.text) {
			t.Errorf("%s: traceback %q lacks %q or the text", name, trace, c.traceback)
		}
	}
}

func TestOverwrite(t *testing.T) {
	for text, want := range map[string]string{
		"plain\n":              "plain\n",
		"\rstep 1\rstep 2\n":   "\rstep 2\n",
		"\ra\rb\rc":            "\rc",
		"begun\rlonger\rx\n":   "begun\rlonger\rx\n", // x does not cover it
		"kept\ra\rb":           "kept\rb",
		"a\r\nb\r\n":           "a\r\nb\r\n",
		"one\n\r1\r22\ntwo\r3": "one\n\r22\ntwo\r3",
		"\r\r\r":               "\r\r",
	} {
		if got := overwrite(text); got != want {
			t.Errorf("overwrite(%q) = %q, want %q", text, got, want)
		}
	}
}

// screen is what a terminal shows of text.
func screen(text string) string {
	var rows []string
	row, at := []rune{}, 0
	for _, c := range text {
		switch c {
		case '\n':
			rows, row, at = append(rows, string(row)), nil, 0
		case '\r':
			at = 0
		default:
			if at < len(row) {
				row[at] = c
			} else {
				row = append(row, c)
			}
			at++
		}
	}
	return strings.Join(append(rows, string(row)), "\n")
}

func FuzzOverwriteShowsTheSame(f *testing.F) {
	f.Add("ab\rc\rdd\ne\r", "x")
	f.Fuzz(func(t *testing.T, text, before string) {
		ascii := func(s string) string {
			return strings.Map(func(c rune) rune {
				if c == '\n' || c == '\r' || c >= 'a' && c <= 'z' {
					return c
				}
				return -1
			}, s)
		}
		text, before = ascii(text), ascii(before)
		// What came before on the line may reach further: it must show the same.
		if got, want := screen(before+overwrite(text)), screen(before+text); got != want {
			t.Errorf("after %q, overwrite(%q) = %q shows %q, want %q", before, text, overwrite(text), got, want)
		}
	})
}

func TestDisplay(t *testing.T) {
	r := &request{shown: map[string]bool{}}
	message := func(kind, content string) *wire.Message {
		return wire.NewSession().New(kind, nil, json.RawMessage(content))
	}
	update := `{"data":{"text/plain":"x"},"metadata":{},"transient":{"display_id":"a"}}`
	for i, want := range []string{"display_data", "update_display_data"} {
		if kind, content := display(r, message("update_display_data", update)); kind != want || string(content) != update {
			t.Errorf("update %d became %s %s, want %s", i, kind, content, want)
		}
	}
	for html, want := range map[string]bool{
		"<div><svg><g></g></svg></div>": true, "<svg></svg>": true, "<p><svg></svg></p>": false, "<svg></svg><svg></svg>": false, "text": false,
	} {
		content, _ := json.Marshal(map[string]any{"data": map[string]string{"text/html": html}})
		if _, got := display(r, message("display_data", string(content))); strings.Contains(string(got), "image/svg+xml") != want {
			t.Errorf("%s became %s", html, got)
		}
	}
	if kind, content := display(r, message("display_data", `{"data":{"`+clearOutput+`":"wait"}}`)); kind != "clear_output" || string(content) != `{"wait":true}` {
		t.Errorf("clear output became %s %s", kind, content)
	}
}

func TestUTF16(t *testing.T) {
	const text = "aß😀漢😀b"
	for characters, units := range []int{0, 1, 2, 4, 5, 7, 8, 9} {
		if got := toUTF16(text, characters); got != units {
			t.Errorf("toUTF16(%d) = %d, want %d", characters, got, units)
		}
		if got := fromUTF16(text, units); got != characters {
			t.Errorf("fromUTF16(%d) = %d, want %d", units, got, characters)
		}
	}
}
