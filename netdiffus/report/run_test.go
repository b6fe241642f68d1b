package report

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// flow is a flow of signed lengths.
func flow(label string, signed ...float64) traffic.Flow {
	f := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(signed))}
	traffic.SignedLength{}.Restore(signed, f.Packets)
	return f
}

// chatter is n flows each of so many classes: a class has its own first packet,
// its own answers to it, and its own number of packets.
func chatter(classes, n int, seed uint64) []traffic.Flow {
	var flows []traffic.Flow
	for c := range classes {
		rng := noise.Stream(seed, uint64(c))
		for range n {
			v := []float64{-float64(100 + 50*c), float64(500 + 20*c + 10*rng.IntN(4))}
			for len(v) < 3+rng.IntN(3+c%3) {
				v = append(v, v[1]-float64(100*rng.IntN(3)))
			}
			flows = append(flows, flow(fmt.Sprintf("class%d", c), v...))
		}
	}
	return flows
}

func small() Options {
	return Options{PerClass: []int{20, 40}, Seeds: 2, Length: 6, Trees: 20}
}

func TestRun(t *testing.T) {
	d := Data{Train: clocked(chatter(4, 80, 1), 1, 1), Test: clocked(chatter(4, 30, 2), 1, 2), Synthetic: Traffic{Flows: clocked(chatter(4, 40, 3), 1, 3)}}
	o := small()
	last, total := 0, 0
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total || last == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	if len(r.Sizes) != 2 || r.Sizes[1].PerClass != 40 {
		t.Fatalf("sizes %+v", r.Sizes)
	}
	for _, source := range []string{synthesised, realSubset, markov1, markov2, independent} {
		row := r.Sizes[1].Row(source)
		if row.Flows != 160 {
			t.Errorf("%s: %d flows, want 40 of each of 4 classes", source, row.Flows)
		}
		for _, f := range figures {
			if f.needs == needImages {
				continue // there are none
			}
			if got := row.Figures[f.name]; len(got.Values) != 2 || !finite(got.Mean()) {
				t.Errorf("%s: %s = %v, want two numbers", source, f.name, got.Values)
			}
		}
	}
	// Drawn from the same distribution, the flows do as well as real ones.
	if !strings.Contains(r.Verdict.Headline, "as useful as real flows") {
		t.Errorf("verdict on flows as good as real: %q", r.Verdict.Headline)
	}
	// 40 flows of the 40 there are, each time the same.
	for i, line := range r.figureTable(r.Sizes[1], "", []figure{figureNamed("length_tv")}).Rows {
		if got := line.Cells[0].Aside; (got == "one draw") != (i == 0) {
			t.Errorf("%s: %q behind the figure, want \"one draw\" for the synthetic flows alone", line.Name, got)
		}
	}
	if len(r.Augmentation) != len(fewReal) || r.Fingerprint == nil || r.Anomaly == nil || len(r.Memorisation.Rows) != 5 {
		t.Errorf("tasks are missing: %d, %v, %v, %d", len(r.Augmentation), r.Fingerprint, r.Anomaly, len(r.Memorisation.Rows))
	}
	for _, a := range r.Augmentation {
		if len(a.Rows) != 6 || a.Rows[0].Source != alone || a.Judge != "forest" {
			t.Errorf("augmentation of %d: %d rows, the first %q of %q, want the real flows alone and five sources", a.Real, len(a.Rows), a.Rows[0].Source, a.Judge)
		}
		for _, row := range a.Rows {
			if want := row.MacroF1.Mean() - a.Rows[0].MacroF1.Mean(); len(row.GainF1.Values) != 2 || math.Abs(row.GainF1.Mean()-want) > 1e-12 {
				t.Errorf("gain of F1 by %q: %v, want two of mean %v", row.Source, row.GainF1.Values, want)
			}
		}
	}
	for _, source := range []string{synthesised, realSubset, markov1, markov2, independent} {
		n := 0
		for _, row := range r.Fingerprint.Rows {
			if row.Source == source {
				n++
			}
		}
		if n != 2 { // instead of the real flows, and beside them
			t.Errorf("fingerprinting: %d rows of %q, want 2", n, source)
		}
	}
	for _, row := range r.Memorisation.Rows {
		some, all, test := row.figures["closest_train"], row.figures["closest_record_mean"], row.figures["closest_test"]
		if len(some.Values) != 2 || !(some.Mean() >= all.Mean()) || !finite(test.Mean()) {
			t.Errorf("%s: closest of some training flows %v, of all %v, of test flows %v", row.source, some, all, test)
		}
	}
	again, err := Run(t.Context(), d, small())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := r.JSON()
	b, _ := again.JSON()
	if string(a) != string(b) {
		t.Error("two runs give two reports")
	}
}

func TestWrite(t *testing.T) {
	set, err := dataset.Build(traffic.All(chatter(3, 30, 3)), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(t.TempDir(), "images")
	if err := set.Save(images, nil); err != nil {
		t.Fatal(err)
	}
	d := Data{Train: chatter(3, 60, 1), Test: chatter(3, 30, 2)}
	if d.Synthetic, err = Open(images, dataset.Recipe{}); err != nil {
		t.Fatal(err)
	}
	input, err := Describe(t.Context(), "synthetic", images)
	if err != nil || input.SHA256 == "" {
		t.Fatalf("Describe = %+v, %v: want the manifest's hash", input, err)
	}
	d.Inputs = []Input{input}
	r, err := Run(t.Context(), d, small())
	if err != nil {
		t.Fatal(err)
	}
	if im := r.Images; im == nil || im.Images != 90 || im.Holes != 0 || im.Empty != 0 || im.Inconsistency > 1e-6 {
		t.Errorf("images as they were encoded: %+v", im)
	}
	out := filepath.Join(t.TempDir(), "a", "report")
	if err := r.Write(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, JSONName))
	if err != nil {
		t.Fatal(err)
	}
	var metrics struct {
		Schema string
		Sizes  []struct {
			Rows []struct {
				Source  string
				Figures map[string]struct {
					Mean, SD *float64
					Values   []*float64
				}
			}
		}
	}
	if err := json.Unmarshal(text, &metrics); err != nil {
		t.Fatal(err)
	}
	if f := metrics.Sizes[0].Rows[0].Figures["tstr_accuracy"]; metrics.Schema != schema || f.Mean == nil || len(f.Values) != 2 {
		t.Errorf("schema %q, TSTR %+v", metrics.Schema, f)
	}

	page, err := os.ReadFile(filepath.Join(out, HTMLName))
	if err != nil {
		t.Fatal(err)
	}
	picture := regexp.MustCompile(`<img alt="[^"]+" src="data:image/png;base64,[^"]+">`)
	if n := len(picture.FindAll(page, -1)); n != 10 {
		t.Errorf("%d pictures, want 10", n)
	}
	page = picture.ReplaceAll(page, nil)
	// One file, nothing to run, nothing to fetch.
	for _, bad := range []string{"<script", "http://", "https://", "<link", "@import", "ZgotmplZ", "NaN", "<no value>", "%!"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if open, closed := strings.Count(string(page), "<tr"), strings.Count(string(page), "</tr>"); open != closed {
		t.Errorf("%d rows opened, %d closed", open, closed)
	}
	var summary strings.Builder
	if err := r.Summary(&summary); err != nil || !strings.Contains(summary.String(), "Markov, order 2") {
		t.Errorf("summary (%v):\n%s", err, summary.String())
	}
}

// TestBadFlowsAreCalledBad: a report must not flatter.
func TestBadFlowsAreCalledBad(t *testing.T) {
	train, test := chatter(4, 80, 1), chatter(4, 30, 2)
	exchanged := chatter(4, 40, 3)
	for i := range exchanged {
		exchanged[i].Label = fmt.Sprintf("class%d", (int(exchanged[i].Label[5]-'0')+1)%4)
	}
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), Data{Train: train, Test: test, Synthetic: Traffic{Flows: exchanged}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Verdict.Headline, "worse than packets drawn independently") {
		t.Errorf("classes exchanged: %q", r.Verdict.Headline)
	}

	// Copies of the training flows are as useful as these, and no secret.
	private := func(n int, seed uint64) (flows []traffic.Flow) {
		rng := noise.Stream(seed)
		for i := range 2 * n {
			flows = append(flows, flow(fmt.Sprintf("class%d", i%2), 1+float64(rng.IntN(1400)), 1+float64(rng.IntN(1400)), -1-float64(rng.IntN(1400))))
		}
		return flows
	}
	secret := private(60, 1)
	o.PerClass = []int{60}
	r, err = Run(t.Context(), Data{Train: secret, Test: private(60, 2), Synthetic: Traffic{Flows: secret}}, o)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Memorisation
	exact, attack, held := m.Rows[0].figures["exact_duplicates"], m.Rows[0].figures["membership_auc_distinct"], m.HeldOut.figures["exact_duplicates"]
	if !m.Leaks || exact.Mean() != 1 || attack.Mean() != 1 || held.Mean() != 0 {
		t.Errorf("copies: leaks %v, duplicates %v, attack %v, held out %v", m.Leaks, exact, attack, held)
	}
	if !strings.Contains(m.Verdict, "Do not publish") {
		t.Errorf("verdict on copies: %q", m.Verdict)
	}
}

func TestRunRefuses(t *testing.T) {
	good := Data{Train: chatter(2, 9, 1), Test: chatter(2, 9, 2), Synthetic: Traffic{Flows: chatter(2, 9, 3)}}
	one := good
	one.Train, one.Test, one.Synthetic.Flows = good.Train[:9], good.Test[:9], good.Synthetic.Flows[:9]
	none := good
	none.Synthetic.Flows = nil
	foreign := good
	foreign.Synthetic.Flows = []traffic.Flow{flow("other", 5)}
	apart := good
	apart.Test, apart.Synthetic.Flows = good.Test[:9], good.Synthetic.Flows[9:]
	empty := good
	empty.Test = []traffic.Flow{flow("class0", 0, 0)}
	for _, c := range []struct {
		name string
		d    Data
		o    Options
		want string
	}{
		{"no synthetic flows", none, Options{}, "no synthetic flows"},
		{"other classes", foreign, Options{}, "none of the 1 synthetic flows is of a class"},
		{"no class in common", apart, Options{}, "no class has both test flows and synthetic ones"},
		{"nothing but padding", empty, Options{}, "none of the 1 test flows"},
		{"one class", one, Options{}, "two classes or more"},
		{"task", good, Options{Tasks: []Task{"magic"}}, `unknown task "magic"`},
		{"size", good, Options{PerClass: []int{0}}, "at least 1"},
		{"seeds", good, Options{Seeds: -1}, "seeds"},
		{"length", good, Options{Length: 1}, "packets a flow"},
	} {
		if _, err := Run(t.Context(), c.d, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, good, small()); err != context.Canceled && !strings.Contains(fmt.Sprint(err), "canceled") {
		t.Errorf("after cancel: %v", err)
	}
}

// TestNotes: what the data lack is said, and is no reason to fail.
func TestNotes(t *testing.T) {
	synthetic := chatter(3, 10, 3)[:25] // class2 has 5
	synthetic = append(synthetic, flow("stranger", 7), flow("class0", 0))
	test := chatter(2, 12, 2) // none of class2
	o := small()
	o.Seeds = 1
	train := append(chatter(3, 20, 1), flow("void", 0, 0)) // a class of nothing but padding is no class
	r, err := Run(t.Context(), Data{Train: train, Test: test, Synthetic: Traffic{Flows: synthetic}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Classes) != 3 {
		t.Errorf("classes %+v, want three", r.Classes)
	}
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{
		"1 synthetic flows are of classes that the training flows lack",
		"1 synthetic flows have no packet",
		"1 training flows have no packet",
		`no test flows of class "class2"`,
		"20 flows a class were asked for; the synthetic flows are at most 10",
		`"class2" has 5 synthetic flows where 10`,
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
	if len(r.Sizes) != 1 || r.Sizes[0].PerClass != 10 || !r.Sizes[0].Short {
		t.Errorf("sizes %d, want one of 10, short of flows", len(r.Sizes))
	}
	if !strings.Contains(strings.Join(r.Verdict.Points, " "), "spread is not known") || !strings.Contains(r.Verdict.Headline, "a single draw") {
		t.Errorf("one seed: %q", r.Verdict)
	}
	if _, err := r.HTML(t.Context()); err != nil {
		t.Errorf("the page: %v", err)
	}
}

// TestShares: tables of how flows start and how long they are, of all classes and
// of each, beside all sources.
func TestShares(t *testing.T) {
	d := Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: chatter(3, 20, 3)}}
	o := small()
	o.Tasks, o.Length = []Task{Classification}, 40 // ranges of 3 lengths
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	// Every class starts with a packet of its own, always the same.
	if len(r.FirstPackets) != 3 || math.Abs(float64(r.FirstPackets[0].Test)-1./3) > 1e-12 {
		t.Fatalf("first packets %+v, want three of 1/3 each", r.FirstPackets)
	}
	first := r.ClassShares["class1"].FirstPackets
	if len(first) != 1 || first[0].Length != 150 || !first[0].Up || first[0].Test != 1 {
		t.Fatalf("first packets of class1 %+v, want 150 bytes up, always", first)
	}
	for _, source := range []string{synthesised, realSubset, markov1, markov2, independent} {
		if s := first[0].Shares[source]; len(s.Values) != 2 || s.Mean() != 1 {
			t.Errorf("%s starts class1 so in %v, want 1 twice", source, s.Values)
		}
		for _, table := range []shares{r.shares, r.ClassShares["class2"]} {
			sum := 0.0
			for _, l := range table.Lengths {
				sum += l.Shares[source].Mean()
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%s: shares of lengths sum to %v", source, sum)
			}
		}
	}
	if l := r.Lengths; len(l) != 14 || l[0].From != 1 || l[0].To != 3 || l[13].From != 40 || l[13].To != 40 {
		t.Errorf("ranges of lengths %+v, want 1 to 3 up to 40", l)
	}
}

// TestFurtherJudges: a classifier beside the forest does the tasks too.
func TestFurtherJudges(t *testing.T) {
	o := small()
	o.Tasks = []Task{Classification, Augmentation, Fingerprint}
	o.Judges = []NamedJudge{{Name: "stubborn", Title: "always the first class", Judge: func(_ context.Context, _ classify.Table, test [][]float64, _ uint64) ([]int, error) {
		return make([]int, len(test)), nil
	}}}
	last, total := 0, 0
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r, err := Run(t.Context(), Data{Train: chatter(4, 40, 1), Test: chatter(4, 30, 2), Synthetic: Traffic{Flows: chatter(4, 40, 3)}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	var got []string
	for _, a := range r.Augmentation {
		for _, row := range a.Rows {
			if a.Judge == "stubborn" {
				got = append(got, row.Source+" "+row.Accuracy.String())
			}
		}
	}
	for _, row := range r.Fingerprint.Rows {
		if row.Judge == "stubborn" && !row.Real {
			got = append(got, row.Source+" "+row.Accuracy.String())
		}
	}
	want := slices.Concat(slices.Repeat([]string{"none 0.250 ± 0.000", "synthetic 0.250 ± 0.000", "markov1 0.250 ± 0.000"}, len(fewReal)), []string{"synthetic 0.250 ± 0.000", "markov1 0.250 ± 0.000"})
	if !slices.Equal(got, want) {
		t.Errorf("scores\n%q, want\n%q", got, want)
	}
	page, err := r.HTML(t.Context())
	if n := strings.Count(string(page), "Always the first class"); err != nil || n != 3 { // accuracy, macro F1, fingerprinting
		t.Errorf("the page names the classifier %d times among the tasks (%v), want 3", n, err)
	}
}

// TestMissingClass: means are of the same classes for every source.
func TestMissingClass(t *testing.T) {
	d := Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: chatter(2, 20, 3)}}
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	row := r.Sizes[0].Row(realSubset)
	want := (row.Classes["class0"]["bigram_js"].Mean() + row.Classes["class1"]["bigram_js"].Mean()) / 2
	if got := row.Figures["bigram_js"].Mean(); math.Abs(got-want) > 1e-12 || len(row.Classes["class2"]) == 0 {
		t.Errorf("real flows' mean %v, want %v: of the two classes that there are synthetic flows of", got, want)
	}
	if r.Memorisation.Tested != 60 {
		t.Errorf("copies are compared with those of %d test flows, want the 60 of the two classes", r.Memorisation.Tested)
	}
	if got := r.Sizes[0].Row(synthesised).Figures["tstr_accuracy"].Mean(); got > 0.7 {
		t.Errorf("accuracy %v without a third of the flows", got)
	}
}

// TestImagesBesideBaselines: image figures of every class and source, the images
// being those that the flows drawn were read off.
func TestImagesBesideBaselines(t *testing.T) {
	set, err := dataset.Build(traffic.All(chatter(3, 30, 3)), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	for i, label := range set.Labels { // spoil the pixel above the diagonal in class 1
		if label == 1 {
			set.Images.At(i)[1] += 0.3
		}
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err != nil {
		t.Fatal(err)
	}
	o := small()
	o.Tasks, o.PerClass = []Task{Classification}, []int{10}
	r, err := Run(t.Context(), Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: flows, Set: set}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Notes == nil || len(r.Notes) > 0 {
		t.Errorf("notes %#v, want an empty list: JSON has [] for it", r.Notes)
	}
	for _, row := range r.Sizes[0].Rows {
		for label, figures := range row.Classes {
			want := 0.0
			if row.Source == synthesised && label == "class1" {
				want = 0.3 / 30
			}
			if got := figures["inconsistency"]; math.Abs(got.Mean()-want) > 1e-6 {
				t.Errorf("%s, %s: inconsistency %v, want %v", row.Source, label, got, want)
			}
		}
		if got := row.Figures["holes"].Mean(); (got > 0) != (row.Source == independent) {
			t.Errorf("%s: holes in %v of the flows", row.Source, got)
		}
	}
}

// TestAtomHoles reads holes off images before the codec cuts behind them.
func TestAtomHoles(t *testing.T) {
	atoms := &codec.Atoms{}
	set, err := dataset.Build(traffic.All([]traffic.Flow{flow("a", -5, 9, 7), flow("a", -5), flow("b", 4, 4)}), dataset.Recipe{SeriesLength: 3, Channels: []dataset.Channel{{Codec: atoms}}})
	if err != nil {
		t.Fatal(err)
	}
	padding := paddingOf(set.Encoding.Channels()[0].Codec)
	code := func(v ...float64) []float64 {
		u := make([]float64, 3)
		if err := set.Encoding.Channels()[0].Codec.Encode("a", v, u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	long, short := code(-5, 9, 7), code(-5)
	for _, c := range []struct {
		u    []float64
		want []bool
		hole bool
	}{
		{long, []bool{false, false, false}, false},
		{short, []bool{false, true, true}, false},
		{[]float64{long[0], short[1], long[2]}, []bool{false, true, false}, true},
	} {
		if got := padding("a", c.u); !slices.Equal(got, c.want) || hole(got) != c.hole {
			t.Errorf("padding of %v = %v, want %v", c.u, got, c.want)
		}
	}
}

// TestMainSize: a size that the synthetic flows are too few for is shown, but the
// verdict is not on it.
func TestMainSize(t *testing.T) {
	r := &Report{Sizes: []Size{{PerClass: 100}, {PerClass: 300}, {All: true, Short: true}}}
	if got := r.main(); got.PerClass != 300 {
		t.Errorf("verdict on %+v, want 300", got)
	}
	r.Sizes = r.Sizes[2:]
	if got := r.main(); !got.All {
		t.Errorf("verdict on %+v, want what there is", got)
	}
}

func TestSpread(t *testing.T) {
	s := Spread{[]float64{1, 2, math.NaN(), 3}}
	text, err := json.Marshal(s)
	if want := `{"mean":2,"sd":1,"values":[1,2,null,3]}`; err != nil || string(text) != want {
		t.Errorf("JSON %s (%v), want %s", text, err, want)
	}
	// One value tells no spread.
	if text, err = json.Marshal(Spread{[]float64{4}}); err != nil || string(text) != `{"mean":4,"sd":null,"values":[4]}` {
		t.Errorf("JSON of one value %s (%v)", text, err)
	}
	for want, s := range map[string]Spread{
		"2.000 ± 1.000": s, "–": {}, "0.500": {[]float64{.5}}, "0.000": {[]float64{4e-17}}, "150 ± 71": {[]float64{100, 200}}, "15.0 ± 7.1": {[]float64{10, 20}},
	} {
		if got := s.String(); got != want {
			t.Errorf("%v: %q, want %q", s.Values, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	of := func(v ...float64) Spread { return Spread{v} }
	for _, c := range []struct {
		a, b  Spread
		draws float64
		want  string
	}{
		{of(.90, .90, .90), of(.88, .88, .88), 3, "above"},
		{of(.885, .885), of(.88, .88), 2, "level with"}, // less than 0.01
		{of(.80, .90), of(.80, .84), 2, "level with"},   // within the spread
		{of(.5), of(.6), 1, "below"},
		{of(.87, .87, .87), of(.88, .89, .90), 3, "below"},
		{of(.87, .87, .87), of(.88, .89, .90), 1, "level with"}, // one draw may lie as low
		{of(), of(.6), 1, "not comparable"},
	} {
		if got := compare(c.a, c.b, c.draws); got != c.want {
			t.Errorf("compare(%v, %v, %v) = %q, want %q", c.a.Values, c.b.Values, c.draws, got, c.want)
		}
	}
}

// TestFiguresOfTheReference holds the baselines, and the reference's own
// samples, to figures that were found with other code (pandas, SciPy and
// scikit-learn's forest) on the same split.
func TestFiguresOfTheReference(t *testing.T) {
	longtest.Only(t, "grows forests for half a minute")
	read := func(name string) []traffic.Flow {
		flows, err := traffic.Collect(traffic.Read(golden.Shared(t, "data/mirage-appxact/"+name)))
		if err != nil {
			t.Fatal(err)
		}
		return flows
	}
	d := Data{Train: read("trainSetOriginale.parquet"), Test: read("testSetOriginale.parquet")}
	evaluate := func(s Traffic, n int) *Report {
		d.Synthetic = s
		r, err := Run(t.Context(), d, Options{PerClass: []int{n}, Tasks: []Task{Classification}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	check := func(s Size, source, figure string, want, tolerance float64) {
		t.Helper()
		if got := s.Row(source).Figures[figure]; math.Abs(got.Mean()-want) > tolerance {
			t.Errorf("%s: %s = %v, want %.4f ± %.4f", source, figure, got, want, tolerance)
		}
	}
	seed := func(name string, r dataset.Recipe) Traffic {
		s, err := Open(golden.Shared(t, "data/mirage-appxact/seed-outputs/"+name), r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	r := evaluate(Traffic{Flows: d.Train}, 300)
	s := r.Sizes[0]
	for _, c := range []struct {
		source, figure  string
		want, tolerance float64
	}{
		{realSubset, "tstr_accuracy", .892, .012}, {realSubset, "tstr_f1", .858, .016},
		{realSubset, "hd_pl", .052, .004}, {realSubset, "hd_dir", .009, .003}, {realSubset, "length_tv", .067, .006},
		{realSubset, "bigram_js", .081, .003}, {realSubset, "trigram_js", .138, .003},
		{markov1, "tstr_accuracy", .858, .014}, {markov1, "hd_pl", .052, .004}, {markov1, "duplicates", .395, .015},
		{markov1, "bigram_js", .083, .004}, {markov1, "trigram_js", .159, .007},
		{markov2, "tstr_accuracy", .882, .014}, {markov2, "duplicates", .671, .02}, {markov2, "trigram_js", .139, .007},
		{independent, "tstr_accuracy", .513, .03}, {independent, "length_tv", .554, .01}, {independent, "bigram_js", .529, .004},
		{allReal.name, "tstr_accuracy", .941, .006}, {allReal.name, "hd_pl", .0459, .0003}, {allReal.name, "tv_pl", .0385, .0003}, {allReal.name, "hd_dir", .0060, .0003},
	} {
		check(s, c.source, c.figure, c.want, c.tolerance)
	}
	if got := r.Memorisation.HeldOut.figures["exact_duplicates"].Mean(); math.Abs(got-.620) > .005 {
		t.Errorf("test flows that copy a training flow of their class: %.4f, want 0.620", got)
	}
	if got := float64(r.FirstPackets[0].Test); r.FirstPackets[0].Length != 517 || math.Abs(got-.530) > .001 {
		t.Errorf("first packets: %+v, want 517 bytes at 0.530", r.FirstPackets[0])
	}

	r = evaluate(seed("samples_100_per_class", dataset.Recipe{Channels: []dataset.Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Max: 1460}}}}), 100)
	s = r.Sizes[0]
	check(s, synthesised, "tstr_accuracy", .667, .012)
	check(s, synthesised, "tstr_f1", .615, .012)
	check(s, synthesised, "hd_pl", .1214, .0005)
	check(s, synthesised, "tv_pl", .1295, .001)
	check(s, synthesised, "length_tv", .305, .001)
	if got := float64(r.Images.Inconsistency); math.Abs(got-.0135) > .0001 {
		t.Errorf("inconsistency of the unsigned samples %.5f, want 0.0135", got)
	}

	r = evaluate(seed("samples_10_per_class_signed", dataset.Recipe{Channels: []dataset.Channel{{Codec: codec.MinMax{Min: -1460, Max: 1460}}}}), 10)
	s = r.Sizes[0]
	check(s, synthesised, "tstr_accuracy", .310, .012)
	check(s, synthesised, "hd_pl", .2435, .001)
	check(s, synthesised, "hd_dir", .0915, .001)
	check(s, synthesised, "length_tv", .215, .001)
	if got := float64(r.Images.Inconsistency); math.Abs(got-.0412) > .0001 {
		t.Errorf("inconsistency of the signed samples %.5f, want 0.0412", got)
	}
}
