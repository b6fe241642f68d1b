package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/privacy"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Privacy is how thoroughly synthetic records are attacked.
type Privacy string

// The kinds of attack; docs/privacy.md describes them.
const (
	QuickPrivacy Privacy = "quick" // with the synthetic records alone
	DeepPrivacy  Privacy = "deep"  // also with shadow models, each a generator trained anew
)

// Shadow makes generators like the one that is judged.
type Shadow struct {
	Title string // what is trained anew, within a sentence
	// Draw trains a generator on flows and draws flows from it, so many of each label.
	Draw func(ctx context.Context, train []traffic.Flow, n map[string]int, seed uint64) ([]traffic.Flow, error)
}

// privacyReport is what attackers found out.
type privacyReport struct {
	Level  Privacy `json:"level"`
	Shadow string  `json:"shadow,omitempty"` // what stands for the synthetic records' generator
	// Attacked is how many records of each side membership is asked of: training records,
	// and others.
	Attacked  int          `json:"attacked"`
	Reference int          `json:"reference"` // real records that the attacker has
	Head      string       `json:"head"`
	Points    []string     `json:"points"`
	Rows      []privacyRow `json:"rows"`
}

// privacyRow is what attackers found out from one source's records.
type privacyRow struct {
	Source string
	*privacy.Result
}

// MarshalJSON writes the source beside the result.
func (row privacyRow) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(row.Result)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, `{"source":%q,`, row.Source), text[1:]...), nil
}

// attackedSources are the rows: the synthetic records, the most and the least that can be
// given away, and baselines.
func (e *evaluation) attackedSources() []string {
	return append([]string{synthesised, allReal, heldOut}, e.attacked...)
}

// privacySteps is how often step is called.
func (e *evaluation) privacySteps() int {
	switch n := len(e.attackedSources()); e.Privacy {
	case QuickPrivacy:
		return n
	case DeepPrivacy:
		return n * (1 + privacy.Shadows)
	}
	return 0
}

// attackPrivacy attacks the records of every source.
func (e *evaluation) attackPrivacy(ctx context.Context, r *Report) error {
	if e.Privacy == "" {
		return nil
	}
	trial, err := privacy.NewTrial(e.records(e.train), e.records(e.test), 0)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	p := &privacyReport{Level: e.Privacy, Attacked: trial.Others.Len(), Reference: trial.Reference.Len()}
	if e.Privacy == DeepPrivacy {
		p.Shadow = e.sourceNamed(e.shadow).prose
		if e.Shadow != nil {
			p.Shadow = e.Shadow.Title
		}
	}
	for _, name := range e.attackedSources() {
		title := e.sourceNamed(name).title
		drawn, err := e.toAttack(name, trial)
		if err != nil {
			return fmt.Errorf("report: privacy of %s: %w", title, err)
		}
		result, err := trial.Attack(ctx, drawn, privacy.Options{Tolerance: e.tolerance})
		if err != nil {
			return fmt.Errorf("report: privacy of %s: %w", title, err)
		}
		e.step("privacy of " + title)
		if e.Privacy == DeepPrivacy {
			m, err := e.shadowed(ctx, name, trial, drawn)
			if err != nil {
				return fmt.Errorf("report: privacy of %s: %w", title, err)
			}
			result.Membership = append(result.Membership, *m)
		}
		p.Rows = append(p.Rows, privacyRow{name, result})
	}
	p.judge(e.subject)
	r.Privacy = p
	return nil
}

// records are the rows of the judged classes.
func (e *evaluation) records(s sample) (out privacy.Records) {
	for c, list := range e.onlyJudged(s) {
		out.Add(c, rows(list)...)
	}
	return out
}

// toAttack are a source's records: of each class as many as there are synthetic ones.
func (e *evaluation) toAttack(name string, t *privacy.Trial) (privacy.Records, error) {
	switch name {
	case synthesised:
		return e.records(e.synthetic), nil
	case allReal:
		return t.Train, nil
	case heldOut:
		return t.Innocent, nil
	}
	drawn, err := e.draw(name, e.asSynthetic(), 0)
	return e.records(drawn), err
}

// asSynthetic is how many synthetic records of each class there are.
func (e *evaluation) asSynthetic() []int {
	n := make([]int, len(e.classes))
	for c := range n {
		if e.judged[c] {
			n[c] = len(e.synthetic[c])
		}
	}
	return n
}

// shadowed is the attack with shadow models on a source.
func (e *evaluation) shadowed(ctx context.Context, name string, t *privacy.Trial, drawn privacy.Records) (*privacy.Membership, error) {
	title := e.sourceNamed(name).title
	done := func(int) { e.step("shadow models of " + title) }
	target, retrain := t.DensityOf(drawn), e.retrain(name, t)
	if order, is := chainOrders[name]; is {
		retrain = e.chainStatistic(order)
		var err error
		if target, err = retrain(ctx, t.Train, 0); err != nil {
			return nil, err
		}
	}
	return t.LiRA(ctx, target, retrain, 0, done)
}

// retrain makes the source anew and takes the density of what it draws.
func (e *evaluation) retrain(name string, t *privacy.Trial) privacy.Retrain {
	switch {
	case name == allReal || name == heldOut: // a generator that returns what it was trained on
		return func(_ context.Context, train privacy.Records, _ uint64) (privacy.Statistic, error) {
			return t.DensityOf(train), nil
		}
	case name == synthesised && e.Shadow != nil:
		return func(ctx context.Context, train privacy.Records, seed uint64) (privacy.Statistic, error) {
			n := map[string]int{}
			for c, count := range e.asSynthetic() {
				n[e.classes[c]] = count
			}
			flows, err := e.Shadow.Draw(ctx, e.with(train).trainFlows(), n, seed)
			if err != nil {
				return nil, err
			}
			drawn, err := e.byLabel("shadow", e.flows(flows, nil))
			return t.DensityOf(e.records(drawn)), err
		}
	case name == synthesised:
		name = e.shadow
	}
	return func(ctx context.Context, train privacy.Records, seed uint64) (privacy.Statistic, error) {
		draw, err := e.sourceNamed(name).fit(ctx, e.with(train))
		if err != nil {
			return nil, err
		}
		drawn, err := draw(e.asSynthetic(), seed)
		return t.DensityOf(e.records(drawn)), err
	}
}

// with is the evaluation with other training records of the judged classes, without
// times.
func (e *evaluation) with(train privacy.Records) *evaluation {
	other, reference := *e, *e.reference
	other.reference, reference.timed = &reference, false
	reference.train = slices.Clone(e.train)
	for c := range reference.train {
		if e.judged[c] {
			reference.train[c] = nil
		}
	}
	for i, row := range train.Rows {
		c := train.Classes[i]
		reference.train[c] = append(reference.train[c], record{values: row})
	}
	return &other
}

// chainOrders are the sources with a likelihood: the attack takes that and needs no records.
var chainOrders = map[string]int{markov1: 1, markov2: 2, markov3: 3, markov4: 4}

// unseenStep is the probability of a step that a chain never counted, in an attack: 0 would
// make all flows with such a step alike.
const unseenStep = 1e-4

// chainStatistic is the log likelihood of a chain counted anew.
func (e *evaluation) chainStatistic(order int) privacy.Retrain {
	return func(_ context.Context, train privacy.Records, _ uint64) (privacy.Statistic, error) {
		chain, err := markov.Fit(traffic.All(e.with(train).trainFlows()), order, e.length)
		if err != nil {
			return nil, err
		}
		return func(row []float64, class int) float64 {
			return chain.LogLikelihood(record{values: row}.flow(e.classes[class]), unseenStep)
		}, nil
	}
}

// mergedChain describes the merged chain, "" of series.
func (e *evaluation) mergedChain() string {
	if e.recordName != "" {
		return ""
	}
	return e.merging.String()
}

// attackTitles are the attacks for people, in the order of the tables.
var attackTitles = map[string]string{
	"nearest": "nearest record", "domias": "DOMIAS", "domias_narrow": "DOMIAS, narrow", "lira": "LiRA",
	"singling_out_univariate": "singling out by one number", "singling_out": "singling out by three", "linkability": "linking two halves",
	"inference": "inferring a number", "class_inference": "inferring the class",
}

// row is the row of a source.
func (p *privacyReport) row(source string) privacyRow {
	return p.Rows[slices.IndexFunc(p.Rows, func(r privacyRow) bool { return r.Source == source })]
}

// best is the membership attack that is right most often.
func (row privacyRow) best() privacy.Membership {
	return slices.MaxFunc(row.Membership, func(a, b privacy.Membership) int {
		return cmp.Compare(a.Right.Value, b.Right.Value)
	})
}

// judge puts the attacks on the synthetic records into words. Where the best of several is
// named, the interval is that much wider (Bonferroni).
func (p *privacyReport) judge(s *subject) {
	got := p.row(synthesised)
	tries := float64(len(got.Membership))
	best := got.best()
	right := best.RightAt(1 - 0.05/tries)
	percent := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
	head := fmt.Sprintf("An attacker who has these %s and other real ones, and is asked which of two was trained on, is right in %s of the cases (%s to %s, the best of %d attacks: %s)",
		s.many, percent(right.Value), percent(right.Low), percent(right.High), len(got.Membership), attackTitles[best.Attack])
	copies := fmt.Sprintf("; of the training %s themselves it would be %s.", s.many, percent(p.row(allReal).best().Right.Value))
	if right.Low > 0.5 {
		p.Head = head + ": more often than by a coin" + copies
	} else {
		p.Head = head + ": as often as if the " + s.many + " had never been seen" + copies
	}
	p.Points = []string{}
	for _, m := range got.Membership {
		if f := m.At1Percent; f.Known() && f.Low > 0.02 {
			p.Points = append(p.Points, fmt.Sprintf("Some %s stand out: with one false alarm in a hundred %s finds %s (%s to %s) of those trained on.", s.many, attackTitles[m.Attack], percent(f.Value), percent(f.Low), percent(f.High)))
			break
		}
	}
	var found []string
	innocent := p.row(heldOut).Risks
	for i, r := range got.Risks {
		// Above what is found of records that nobody was trained on, which is 0 but for chance.
		least := 0.0
		if i < len(innocent) && innocent[i].Attack == r.Attack && innocent[i].Risk.Known() {
			least = innocent[i].Risk.Value
		}
		if risk := r.At(1 - 0.05/float64(len(got.Risks))); risk.Known() && risk.Low > least {
			found = append(found, fmt.Sprintf("%s (risk %.3f, %.3f to %.3f)", attackTitles[r.Attack], risk.Value, risk.Low, risk.High))
		}
	}
	if len(found) == 0 {
		p.Points = append(p.Points, fmt.Sprintf("Singling out, linking and inferring succeed no more often with training %s than with real %s that were never seen.", s.many, s.many))
	} else {
		p.Points = append(p.Points, fmt.Sprintf("More often with training %s than with real %s never seen succeed: %s.", s.many, s.many, strings.Join(found, "; ")))
	}
	if !best.At01Percent.Known() {
		p.Points = append(p.Points, fmt.Sprintf("%d held-out %s are asked about: too few to see 0.1 %% of false alarms, which takes 1000.", p.Attacked, s.many))
	}
	p.Points = append(p.Points, "Attacks that fail are no proof: another may not.")
}
