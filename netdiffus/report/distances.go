package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// distanceTable is the distances of a comparison.
type distanceTable struct {
	Bins    int           `json:"bins"`          // of the payload lengths, for the distances that need any
	Overall []distanceRow `json:"overall"`       // all packets, classes weighted as in the real flows
	Mean    []distanceRow `json:"mean_of_class"` // mean over the classes that both sides have
	Classes []distanceRow `json:"classes"`       // PL, then DIR, of each class
}

// distanceRow is how far the synthetic packets of a class are from the real ones, in
// one feature.
type distanceRow struct {
	class           string // "" for all classes together and for their mean
	feature         string
	real, synthetic int // packets
	values          []number
}

// distanceFeatures are what the table compares: the name, that in the names of
// figures, and the numbers.
var distanceFeatures = []struct {
	name, figure string
	of           quantity
}{{"PL", "pl", lengths}, {"DIR", "dir", directions}}

// distanceColumns are the table's distances: their prefix in the names of figures, the
// key in JSON and CSV, and the title.
var distanceColumns = []struct{ prefix, key, title string }{
	{"hd_", "hellinger", "Hellinger"},
	{"js_", "jensen_shannon_bits", "JS, bits"},
	{"tv_", "total_variation", "TV"},
	{"w1_", "wasserstein_1", "W1"}, // bytes for PL
	{"ks_", "kolmogorov_smirnov", "KS"},
}

// distances takes the table from the figures of the same names.
func (c *Comparison) distances() distanceTable {
	var list []figure
	for _, f := range distanceFeatures {
		for _, d := range distanceColumns {
			list = append(list, c.figureNamed(d.prefix+f.figure), c.figureNamed(d.prefix+f.figure+"_all"))
		}
	}
	overall, classes := draw{reference: c.reference, sample: c.synthetic}.measure(list)
	mean := c.meanOf(classes)

	t := distanceTable{Bins: bins}
	for _, f := range distanceFeatures {
		all := distanceRow{"", f.name, len(allOf(c.test, f.of)), len(allOf(c.synthetic, f.of)), distancesIn(overall, f.figure+"_all")}
		both := distanceRow{feature: f.name, values: distancesIn(mean, f.figure)}
		for i := range c.classes {
			if c.judged[i] {
				both.real, both.synthetic = both.real+len(f.of(c.test[i])), both.synthetic+len(f.of(c.synthetic[i]))
			}
		}
		t.Overall, t.Mean = append(t.Overall, all), append(t.Mean, both)
	}
	for i, label := range c.classes {
		for _, f := range distanceFeatures {
			t.Classes = append(t.Classes, distanceRow{label, f.name, len(f.of(c.test[i])), len(f.of(c.synthetic[i])), distancesIn(classes[i], f.figure)})
		}
	}
	return t
}

// distancesIn are the distances of a feature, NaN for those that do not exist.
func distancesIn(figures map[string]float64, feature string) []number {
	var out []number
	for _, d := range distanceColumns {
		v, ok := figures[d.prefix+feature]
		if !ok {
			v = math.NaN()
		}
		out = append(out, number(v))
	}
	return out
}

// hellinger is the row's Hellinger distance in words, "" where there is none.
func (d distanceRow) hellinger(format string) string {
	if v := float64(d.values[0]); finite(v) {
		return fmt.Sprintf(format, v)
	}
	return ""
}

// MarshalJSON writes the row as one flat object.
func (d distanceRow) MarshalJSON() ([]byte, error) {
	var out []byte
	if d.class != "" {
		label, err := json.Marshal(d.class)
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(out, `"class":%s,`, label)
	}
	out = fmt.Appendf(out, `"feature":%q,"real_packets":%d,"synthetic_packets":%d`, d.feature, d.real, d.synthetic)
	for i, c := range distanceColumns {
		out = fmt.Appendf(out, `,%q:%s`, c.key, d.values[i].json())
	}
	return fmt.Appendf(nil, "{%s}", out), nil
}

// rows ranges over the whole table as it is read: PL, then DIR, and in each all
// packets, the mean of the classes, every class.
func (t distanceTable) rows() iter.Seq2[string, distanceRow] {
	return func(yield func(scope string, d distanceRow) bool) {
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

// Print writes the table of distances for people.
func (c *Comparison) Print(w io.Writer) error {
	var b strings.Builder
	line := func(name string, cells ...any) {
		name += strings.Repeat(" ", max(0, 22-utf8.RuneCountInString(name)))
		fmt.Fprintf(&b, "%s"+strings.Repeat(" %9v", len(cells))+"\n", append([]any{name}, cells...)...)
	}
	feature := ""
	for scope, d := range c.table.rows() {
		if d.feature != feature {
			feature = d.feature
			cells := []any{"real", "synthetic"}
			for _, c := range distanceColumns {
				cells = append(cells, c.title)
			}
			line(feature, cells...)
		}
		name := printable(d.class)
		switch scope {
		case "all":
			name = "all packets"
		case "mean":
			name = "mean of classes"
		}
		cells := []any{d.real, d.synthetic}
		for _, v := range d.values {
			cells = append(cells, v.fixed())
		}
		line("  "+name, cells...)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fixed is the number with four places, "-" where it is not finite.
func (n number) fixed() string {
	if !finite(float64(n)) {
		return "-"
	}
	return fmt.Sprintf("%.4f", float64(n))
}

// printable is a label without characters that could change a terminal or the table.
func printable(label string) string {
	if q := strconv.Quote(label); q[1:len(q)-1] != label {
		return q
	}
	return label
}

// save writes the table as distances.json and distances.csv.
func (t distanceTable) save(dir string) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, "distances.json"), append(text, '\n')); err != nil {
		return err
	}
	head := []string{"scope", "class", "feature", "real_packets", "synthetic_packets"}
	for _, c := range distanceColumns {
		head = append(head, c.key)
	}
	records := [][]string{head}
	for scope, d := range t.rows() {
		record := []string{scope, d.class, d.feature, strconv.Itoa(d.real), strconv.Itoa(d.synthetic)}
		for _, v := range d.values {
			record = append(record, strings.Replace(v.json(), "null", "", 1))
		}
		records = append(records, record)
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(records); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, "distances.csv"), b.Bytes())
}

// allOf are the numbers of all classes together.
func allOf(s sample, of quantity) []float64 { return of(slices.Concat(s...)) }
