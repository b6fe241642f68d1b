package runs

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

func sampleRun() *Run {
	return &Run{
		Name: "first", Path: "/data/first", State: Finished, Preset: "default", Kind: "chain", Tags: []string{"good", "paper"}, Note: "a first try",
		Created: time.Date(2026, 11, 5, 12, 0, 0, 0, time.Local), Step: 50, Seconds: 90,
		Settings: Settings{"training.lr": "0.001", "training.batch_size": "128", "diffusion.noise_schedule": `"cosine"`, "unet.channels": "64", "a.twice": "1", "b.twice": "2"},
		Metrics:  map[string]Summary{"loss": {Last: 0.5, Min: 0.25}, "broken": {Last: track.Number(math.NaN())}},
		Reports:  []Report{{Rows: []Row{{Source: "synthetic", Figures: map[string]Figure{"tstr_accuracy": {Mean: 0.9}}}}}},
	}
}

func TestConditions(t *testing.T) {
	for text, want := range map[string]bool{
		"":                             true,
		"preset=default":               true,
		"preset=default and tstr>0.88": true,
		"preset=Default":               true,
		"tstr>0.95":                    false,
		"tstr_accuracy>=0.9":           true,
		"state!=finished":              false,
		"state!=finished or lr>=1e-3 and not tag=old": true,
		"(state!=finished or lr>=1e-3) and tag=old":   false,
		"not (tag=old or step<50)":                    true,
		"tag=paper and tag=good":                      true,
		"tag!=good":                                   false,
		"tag!=bad":                                    true,
		`note~"first try"`:                            true,
		`note !~ 'second'`:                            true,
		"created>2026-11-01":                          true,
		"created<2026-11-05":                          false,
		"minutes=1.5":                                 true,
		"noise_schedule=cosine":                       true,
		"training.lr=0.001":                           true,
		"lr = 1e-3":                                   true,
		"batch_size > 20":                             true, // as numbers, not as text
		"loss=0.5":                                    true,
		"min.loss=0.25":                               true,
		"broken>0 or broken<=0":                       false,
		"twice=1":                                     false, // which of the two?
		"a.twice=1":                                   true,
		"missing=1":                                   false,
		"missing!=1":                                  true,
		"missing":                                     false,
		"note":                                        true,
		"name==first":                                 true,
		`name="' OR 1=1 --"`:                          false,
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := c.Match(sampleRun()); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestWrongConditions(t *testing.T) {
	for text, want := range map[string]string{
		"preset=":                "want a value after =",
		"=3":                     "want a name",
		"preset=a b=c":           "want and, or, or the end",
		"(a=1":                   `want ")"`,
		`note="x`:                "has no second one",
		"a=1 and":                "want a name",
		"and":                    "want a name",
		"a=1)":                   "want and, or, or the end",
		"a ! b":                  "want and, or, or the end",
		strings.Repeat("(", 500): "nested more than",
		"not not not a=1 or":     "want a name",
	} {
		if _, err := ParseCondition(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", text, err, want)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	c, err := ParseCondition("batchsize=3")
	check(t, err)
	if err := c.Check([]*Run{sampleRun()}); err == nil || !strings.Contains(err.Error(), "training.batch_size") {
		t.Errorf("error %v, want the name that was meant", err)
	}
	c, err = ParseCondition("note=x or tag=y")
	check(t, err)
	if err := c.Check([]*Run{{}}); err != nil {
		t.Errorf("a run without notes: %v", err)
	}
}

func FuzzParseCondition(f *testing.F) {
	for _, text := range []string{"preset=default and tstr>0.88", `not (a!="b" or c~'d')`, "a<=1e3", "((((", "!", "\xff=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "runs: ") {
				t.Fatalf("error %q names no package", err)
			}
			return
		}
		c.Match(sampleRun())
	})
}

func TestSort(t *testing.T) {
	a, b, c := sampleRun(), sampleRun(), sampleRun()
	a.Name, b.Name, c.Name = "a", "b", "c"
	b.Settings = Settings{"training.lr": "0.01"}
	c.Settings = Settings{}
	for by, want := range map[string]string{"lr": "abc", "-lr": "bac", "-name": "cba"} {
		list := []*Run{a, b, c}
		check(t, Sort(list, by))
		got := ""
		for _, r := range list {
			got += r.Name
		}
		if got != want {
			t.Errorf("by %s: %s, want %s", by, got, want)
		}
	}
	if err := Sort([]*Run{a}, "nothing"); err == nil {
		t.Error("sorted by a name that no run has")
	}
}
