package runs

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Condition is what runs are chosen by, see ParseCondition. The zero Condition takes all.
type Condition struct {
	root  node
	names []string // that it asks for, as they were written
}

// ParseCondition reads an expression such as
//
//	preset=default and tstr>0.88
//	state!=finished or (lr>=1e-3 and not tag=old)
//	note~"first try" and created>2026-11-01
//
// A term is a name, one of = != < <= > >= ~ (contains) !~, and a value; a value with
// spaces or signs stands in quotation marks. Terms are joined by and, or, not and
// parentheses; not binds closest, then and. A name alone asks whether the run has it.
//
// Names are those of Fields: of the run itself (name, state, preset, step, created, …),
// settings as in config.json (training.lr, or lr where only one ends so), metrics (loss: the
// last value) and figures of the newest report (tstr_accuracy, or tstr). What a run does
// not have fulfils no term but !=.
func ParseCondition(text string) (Condition, error) {
	p := parser{text: text}
	p.next()
	if p.kind == end {
		return Condition{}, nil
	}
	root, err := p.or(0)
	if err == nil && p.kind != end {
		err = p.fail("and, or, or the end of the expression")
	}
	if err != nil {
		return Condition{}, err
	}
	return Condition{root, p.names}, nil
}

// Match reports whether the run fulfils the condition.
func (c Condition) Match(r *Run) bool {
	return c.root == nil || c.root.match(NewFields(r))
}

// Check returns an error where the condition asks for a name that none of the runs has.
func (c Condition) Check(list []*Run) error {
	for _, name := range c.names {
		known := map[string]bool{}
		there := false
		for _, r := range list {
			f := NewFields(r)
			if _, there = f.Get(name); there || ownFields[name] != nil {
				there = true
				break
			}
			for n := range f.all() {
				known[n] = true
			}
		}
		if !there && len(list) > 0 {
			return fmt.Errorf("runs: no run has %q%s", name, nearest(name, known))
		}
	}
	return nil
}

// nearest is the end of an error: the names most like the one that is unknown.
func nearest(name string, known map[string]bool) string {
	var like []string
	for n := range ownFields {
		known[n] = true
	}
	for _, n := range slices.Sorted(maps.Keys(known)) {
		short := n[strings.LastIndexByte(n, '.')+1:]
		if strings.Contains(n, name) || distance(short, name) <= 2 {
			like = append(like, n)
		}
	}
	if len(like) == 0 {
		return ": there are " + strings.Join(slices.Sorted(maps.Keys(ownFields)), ", ") + ", the settings by their names in config.json, the metrics, and the figures of the reports"
	}
	return ": is it " + strings.Join(like[:min(5, len(like))], ", ") + "?"
}

// distance is Levenshtein's of two words.
func distance(a, b string) int {
	if max(len(a), len(b)) > 40 {
		return 99
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// node is a part of an expression.
type node interface{ match(Fields) bool }

type (
	andNode  struct{ a, b node }
	orNode   struct{ a, b node }
	notNode  struct{ a node }
	termNode struct {
		name, op string
		value    FieldValue
	}
)

func (n andNode) match(f Fields) bool { return n.a.match(f) && n.b.match(f) }
func (n orNode) match(f Fields) bool  { return n.a.match(f) || n.b.match(f) }
func (n notNode) match(f Fields) bool { return !n.a.match(f) }

func (n termNode) match(f Fields) bool {
	values, there := f.Get(n.name)
	if n.op == "" {
		return there
	}
	if negated, is := strings.CutPrefix(n.op, "!"); is {
		return !slices.ContainsFunc(values, func(v FieldValue) bool { return v.compare(negated, n.value) })
	}
	return slices.ContainsFunc(values, func(v FieldValue) bool { return v.compare(n.op, n.value) })
}

// FieldValue is a value that is compared: a number, or text.
type FieldValue struct {
	Text     string
	Number   float64
	IsNumber bool
}

func textValue(text string) FieldValue { return FieldValue{Text: text} }

func numberValue(v float64) FieldValue {
	return FieldValue{Text: strconv.FormatFloat(v, 'g', -1, 64), Number: v, IsNumber: true}
}

// leafValue is a setting's.
func leafValue(leaf string) FieldValue {
	if v, err := strconv.ParseFloat(leaf, 64); err == nil {
		return FieldValue{leaf, v, true}
	}
	return textValue(word(leaf))
}

// compare applies = < <= > >= or ~. Numbers are compared as such where both are; text
// without regard to case.
func (v FieldValue) compare(op string, other FieldValue) bool {
	if op == "~" {
		return strings.Contains(strings.ToLower(v.Text), strings.ToLower(other.Text))
	}
	var order int
	if v.IsNumber && other.IsNumber {
		if math.IsNaN(v.Number) || math.IsNaN(other.Number) {
			return op == "=" && math.IsNaN(v.Number) == math.IsNaN(other.Number)
		}
		order = cmp.Compare(v.Number, other.Number)
	} else {
		order = strings.Compare(strings.ToLower(v.Text), strings.ToLower(other.Text))
	}
	switch op {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default: // ">="
		return order >= 0
	}
}

// Fields are the values of a run by name.
type Fields struct {
	run *Run
}

// NewFields returns the fields of a run.
func NewFields(r *Run) Fields { return Fields{r} }

// ownFields are the fields of the run itself.
var ownFields = map[string]func(*Run) []FieldValue{
	"name":    func(r *Run) []FieldValue { return one(textValue(r.Name)) },
	"path":    func(r *Run) []FieldValue { return one(textValue(r.Path)) },
	"id":      func(r *Run) []FieldValue { return one(textValue(r.ID)) },
	"state":   func(r *Run) []FieldValue { return one(textValue(string(r.State))) },
	"preset":  func(r *Run) []FieldValue { return words(r.Preset) },
	"kind":    func(r *Run) []FieldValue { return words(r.Kind) },
	"host":    func(r *Run) []FieldValue { return words(r.Host) },
	"device":  func(r *Run) []FieldValue { return words(r.Device) },
	"note":    func(r *Run) []FieldValue { return words(r.Note) },
	"tag":     func(r *Run) []FieldValue { return words(r.Tags...) },
	"problem": func(r *Run) []FieldValue { return words(r.Problems...) },
	"data": func(r *Run) []FieldValue {
		var list []FieldValue
		for _, in := range r.Inputs {
			list = append(list, textValue(in.Path), textValue(in.SHA256))
		}
		return list
	},
	"created": func(r *Run) []FieldValue { return one(textValue(r.Created.Local().Format(time.DateTime))) },
	"changed": func(r *Run) []FieldValue { return one(textValue(r.Changed.Local().Format(time.DateTime))) },
	"seconds": func(r *Run) []FieldValue { return one(numberValue(r.Seconds)) },
	"minutes": func(r *Run) []FieldValue { return one(numberValue(r.Seconds / 60)) },
	"bytes":   func(r *Run) []FieldValue { return one(numberValue(float64(r.Bytes))) },
	"step":    func(r *Run) []FieldValue { return one(numberValue(float64(r.Step))) },
	"steps":   func(r *Run) []FieldValue { return one(numberValue(float64(r.Steps))) },
	"seed":    func(r *Run) []FieldValue { return one(numberValue(float64(r.Seed))) },
	"reports": func(r *Run) []FieldValue { return one(numberValue(float64(len(r.Reports)))) },
	"samples": func(r *Run) []FieldValue { return one(numberValue(float64(len(r.Samples)))) },
}

func one(v FieldValue) []FieldValue { return []FieldValue{v} }

func words(list ...string) []FieldValue {
	var out []FieldValue
	for _, w := range list {
		if w != "" {
			out = append(out, textValue(w))
		}
	}
	return out
}

// shortFigures are names that people use for figures of the report.
var shortFigures = map[string]string{"tstr": "tstr_accuracy", "trts": "trts_accuracy", "f1": "tstr_f1", "detection": "detection_auc"}

// Get returns the values of the field called name, most have one; ok is false where the
// run has no such field, or it is empty.
func (f Fields) Get(name string) (values []FieldValue, ok bool) {
	r := f.run
	if get := ownFields[name]; get != nil {
		values = get(r)
		return values, len(values) > 0
	}
	if report := r.Latest(); report != nil {
		full := name
		if long, is := shortFigures[name]; is {
			full = long
		}
		if figure, there := report.Figure(full); there {
			return one(numberValue(float64(figure.Mean))), true
		}
		if len(report.Memory) > 1 {
			for _, row := range report.Memory {
				if figure, there := row.Figures[full]; there && row.Source == synthetic {
					return one(numberValue(float64(figure.Mean))), true
				}
			}
		}
	}
	if metric, best := strings.CutPrefix(name, "min."); best {
		if s, there := r.Metrics[metric]; there {
			return one(numberValue(float64(s.Min))), true
		}
	}
	if s, there := r.Metrics[name]; there {
		return one(numberValue(float64(s.Last))), true
	}
	if leaf, there := r.Settings[name]; there {
		return one(leafValue(leaf)), true
	}
	found := ""
	for full := range r.Settings {
		if strings.HasSuffix(full, "."+name) {
			if found != "" {
				return nil, false // which of the two?
			}
			found = full
		}
	}
	if found == "" {
		return nil, false
	}
	return one(leafValue(r.Settings[found])), true
}

// all are the names that Get knows, without those that are short.
func (f Fields) all() map[string]bool {
	names := map[string]bool{}
	for n := range ownFields {
		names[n] = true
	}
	for n := range f.run.Settings {
		names[n] = true
	}
	for n := range f.run.Metrics {
		names[n] = true
	}
	if report := f.run.Latest(); report != nil && len(report.Rows) > 0 {
		for n := range report.Rows[0].Figures {
			names[n] = true
		}
	}
	return names
}

// Sort sorts runs by a field, "-" before its name meaning the greatest first. Runs without
// it come last, and runs that are level stay in their order.
func Sort(list []*Run, by string) error {
	name, descending := strings.CutPrefix(by, "-")
	if err := (Condition{names: []string{name}}).Check(list); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b *Run) int {
		va, okA := NewFields(a).Get(name)
		vb, okB := NewFields(b).Get(name)
		switch {
		case !okA || !okB:
			return cmp.Compare(first(okA), first(okB))
		case va[0].IsNumber && vb[0].IsNumber:
			nanA, nanB := math.IsNaN(va[0].Number), math.IsNaN(vb[0].Number)
			if nanA || nanB {
				return cmp.Compare(first(!nanA), first(!nanB))
			}
			return signed(cmp.Compare(va[0].Number, vb[0].Number), descending)
		}
		return signed(strings.Compare(strings.ToLower(va[0].Text), strings.ToLower(vb[0].Text)), descending)
	})
	return nil
}

func signed(order int, descending bool) int {
	if descending {
		return -order
	}
	return order
}

// parser reads an expression: a token at a time.
type parser struct {
	text  string
	at    int // of the token
	kind  token
	word  string // of the token
	rest  int    // where the next one begins
	names []string
}

type token int

const (
	end    token = iota
	name         // a word, or text in quotation marks
	op           // = != < <= > >= ~ !~
	open         // (
	close_       // )
	broken
)

// next reads the next token.
func (p *parser) next() {
	for p.rest < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.rest]) >= 0 {
		p.rest++
	}
	p.at = p.rest
	if p.rest == len(p.text) {
		p.kind, p.word = end, ""
		return
	}
	text := p.text[p.at:]
	take := func(kind token, n int) { p.kind, p.word, p.rest = kind, text[:n], p.at+n }
	switch {
	case text[0] == '(':
		take(open, 1)
		return
	case text[0] == ')':
		take(close_, 1)
		return
	case text[0] == '"' || text[0] == '\'':
		if length := strings.IndexByte(text[1:], text[0]); length >= 0 {
			p.kind, p.word, p.rest = name, text[1:1+length], p.at+length+2
		} else {
			take(broken, len(text))
		}
		return
	}
	for _, sign := range []string{"!=", "!~", "<=", ">=", "==", "=", "<", ">", "~"} {
		if strings.HasPrefix(text, sign) {
			take(op, len(sign))
			return
		}
	}
	n := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()=<>!~"'`, r) })
	if n < 0 {
		n = len(text)
	}
	if n == 0 {
		_, size := utf8.DecodeRuneInString(text)
		take(broken, size)
		return
	}
	take(name, n)
}

// fail is the error of a token that is not what was wanted.
func (p *parser) fail(want string) error {
	got := "the end"
	switch {
	case p.kind == broken && (p.word[0] == '"' || p.word[0] == '\''):
		return fmt.Errorf("runs: the quotation mark at character %d has no second one", p.at+1)
	case p.kind != end:
		got = fmt.Sprintf("%q", p.text[p.at:p.rest])
	}
	return fmt.Errorf("runs: at character %d of the expression: want %s, got %s; as in: preset=default and tstr>0.88", p.at+1, want, got)
}

// keyword reports whether the token is this word, outside of quotation marks.
func (p *parser) keyword(word string) bool {
	return p.kind == name && strings.EqualFold(p.text[p.at:p.rest], word)
}

// deepestExpression is how deep parentheses may be nested.
const deepestExpression = 100

func (p *parser) or(depth int) (node, error) {
	a, err := p.and(depth)
	for err == nil && p.keyword("or") {
		p.next()
		var b node
		b, err = p.and(depth)
		a = orNode{a, b}
	}
	return a, err
}

func (p *parser) and(depth int) (node, error) {
	a, err := p.not(depth)
	for err == nil && p.keyword("and") {
		p.next()
		var b node
		b, err = p.not(depth)
		a = andNode{a, b}
	}
	return a, err
}

func (p *parser) not(depth int) (node, error) {
	if depth > deepestExpression {
		return nil, fmt.Errorf("runs: the expression is nested more than %d deep", deepestExpression)
	}
	switch {
	case p.keyword("not"):
		p.next()
		a, err := p.not(depth + 1)
		return notNode{a}, err
	case p.kind == open:
		p.next()
		a, err := p.or(depth + 1)
		if err == nil && p.kind != close_ {
			err = p.fail(`")"`)
		}
		p.next()
		return a, err
	}
	return p.term()
}

func (p *parser) term() (node, error) {
	if p.kind != name || p.keyword("and") || p.keyword("or") {
		return nil, p.fail("a name, such as preset or tstr")
	}
	t := termNode{name: p.word}
	p.names = append(p.names, t.name)
	p.next()
	if p.kind != op {
		return t, nil
	}
	if t.op = p.word; t.op == "==" {
		t.op = "="
	}
	p.next()
	if p.kind != name {
		return nil, p.fail("a value after " + t.op)
	}
	quoted := p.text[p.at] == '"' || p.text[p.at] == '\''
	t.value = textValue(p.word)
	if v, err := strconv.ParseFloat(p.word, 64); err == nil && !quoted {
		t.value = FieldValue{p.word, v, true}
	}
	p.next()
	return t, nil
}
