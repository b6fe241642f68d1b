package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// distances is one row of the table: how far the synthetic packets of a class
// are from the real ones, in one feature.
type distances struct {
	Class     string `json:"class,omitempty"` // none for all classes together and for their mean
	Feature   string `json:"feature"`         // "PL" or "DIR"
	Real      int    `json:"real_packets"`
	Synthetic int    `json:"synthetic_packets"`
	Hellinger number `json:"hellinger"`
	JS        number `json:"jensen_shannon_bits"`
	TV        number `json:"total_variation"`
	W1        number `json:"wasserstein_1"` // bytes for PL
	KS        number `json:"kolmogorov_smirnov"`
}

// number is a float64 that JSON shows as null where it is NaN: one of the
// sides has no packets.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%.9g", float64(n)), nil
}

// csv is the number, or nothing where there is none.
func (n number) csv() string {
	if math.IsNaN(float64(n)) {
		return ""
	}
	return strconv.FormatFloat(float64(n), 'g', 9, 64)
}

func (n number) String() string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return fmt.Sprintf("%.4f", float64(n))
}

// measure compares two samples; those distances that need a histogram count in
// bins of equal width over both.
func measure(class, feature string, bins int, real, synthetic []float64) distances {
	binned := func(d metric.Distance) number { return number(metric.Binned(bins, d)(real, synthetic)) }
	return distances{
		Class: class, Feature: feature, Real: len(real), Synthetic: len(synthetic),
		Hellinger: binned(metric.Hellinger),
		JS:        binned(metric.JensenShannon),
		TV:        binned(metric.TotalVariation),
		W1:        number(metric.Wasserstein(real, synthetic)),
		KS:        number(metric.KS(real, synthetic)),
	}
}

// table is all the distances of a comparison, PL before DIR in each part.
type table struct {
	Bins    int         `json:"bins"`
	Overall []distances `json:"overall"`       // all packets together
	Mean    []distances `json:"mean_of_class"` // mean over the classes that both sides have
	Classes []distances `json:"classes"`
}

func measureAll(real, synthetic *side, bins int) table {
	t := table{Bins: bins, Overall: measureBoth("", real.all, synthetic.all, bins)}
	for _, class := range classesOf(real, synthetic) {
		t.Classes = append(t.Classes, measureBoth(class, real.class(class), synthetic.class(class), bins)...)
	}
	t.Mean = []distances{mean("PL", t.Classes), mean("DIR", t.Classes)}
	return t
}

func measureBoth(class string, real, synthetic group, bins int) []distances {
	return []distances{
		measure(class, "PL", bins, real.length, synthetic.length),
		measure(class, "DIR", bins, real.dir, synthetic.dir),
	}
}

// mean returns the mean over the classes' rows of one feature; each class counts
// the same, however many packets it has.
func mean(feature string, classes []distances) distances {
	m, n := distances{Feature: feature}, number(0)
	for _, d := range classes {
		if d.Feature != feature || d.Real == 0 || d.Synthetic == 0 {
			continue
		}
		n++
		m.Real, m.Synthetic = m.Real+d.Real, m.Synthetic+d.Synthetic
		m.Hellinger += d.Hellinger
		m.JS += d.JS
		m.TV += d.TV
		m.W1 += d.W1
		m.KS += d.KS
	}
	m.Hellinger, m.JS, m.TV, m.W1, m.KS = m.Hellinger/n, m.JS/n, m.TV/n, m.W1/n, m.KS/n
	return m
}

// rows ranges over the whole table as it is read: PL, then DIR, and in each all
// packets, the mean of the classes, every class.
func (t table) rows() iter.Seq2[string, distances] {
	return func(yield func(scope string, d distances) bool) {
		for i := range t.Overall {
			ok := yield("all", t.Overall[i]) && yield("mean", t.Mean[i])
			for k := i; ok && k < len(t.Classes); k += len(t.Overall) {
				ok = yield("class", t.Classes[k])
			}
			if !ok {
				return
			}
		}
	}
}

// print writes the table for people.
func (t table) print(w io.Writer) error {
	var b strings.Builder
	line := func(name string, cells ...any) {
		name += strings.Repeat(" ", max(0, 22-utf8.RuneCountInString(name)))
		fmt.Fprintf(&b, "%s %9v %9v %9v %9v %9v %9v %9v\n", append([]any{name}, cells...)...)
	}
	feature := ""
	for scope, d := range t.rows() {
		if d.Feature != feature {
			feature = d.Feature
			line(feature, "real", "synthetic", "Hellinger", "JS, bits", "TV", "W1", "KS")
		}
		name := printable(d.Class)
		switch scope {
		case "all":
			name = "all packets"
		case "mean":
			name = "mean of classes"
		}
		line("  "+name, d.Real, d.Synthetic, d.Hellinger, d.JS, d.TV, d.W1, d.KS)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable is a label that cannot upset a terminal or the table.
func printable(label string) string {
	if q := strconv.Quote(label); q[1:len(q)-1] != label {
		return q
	}
	return label
}

// save writes the table as distances.json and distances.csv.
func (t table) save(dir string) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, "distances.json"), append(text, '\n')); err != nil {
		return err
	}
	var b bytes.Buffer
	records := [][]string{{"scope", "class", "feature", "real_packets", "synthetic_packets",
		"hellinger", "jensen_shannon_bits", "total_variation", "wasserstein_1", "kolmogorov_smirnov"}}
	for scope, d := range t.rows() {
		records = append(records, []string{scope, d.Class, d.Feature, strconv.Itoa(d.Real), strconv.Itoa(d.Synthetic),
			d.Hellinger.csv(), d.JS.csv(), d.TV.csv(), d.W1.csv(), d.KS.csv()})
	}
	if err := csv.NewWriter(&b).WriteAll(records); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, "distances.csv"), b.Bytes())
}
