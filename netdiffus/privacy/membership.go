package privacy

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Membership is how well an attacker tells records trained on from real ones that were
// not, when he is shown as many of both.
type Membership struct {
	Attack   string `json:"attack"`   // "nearest", "domias", "domias_narrow", "lira"
	Attacked int    `json:"attacked"` // records of each side
	// AUC is the probability that a member is ranked above another, 0.5 for guessing,
	// with DeLong's interval (1988).
	AUC Estimate `json:"auc"`
	// Distinct is AUC among the records that no other real one equals, of which the
	// split alone decided whether they were trained on.
	Distinct    Estimate `json:"auc_distinct"`
	DistinctOf  int      `json:"distinct"` // how many these are, of both sides
	Right       Estimate `json:"right"`    // the share of right answers, calling the higher half members
	At1Percent  Estimate `json:"found_at_1_percent"`
	At01Percent Estimate `json:"found_at_0.1_percent"` // none of fewer than 1000

	scores []float64
	member []bool
}

// attack scores records, the attacked ones: the higher, the more they look like members.
type attack struct {
	name  string
	score func(t *Trial, synthetic, attacked Records) ([]float64, error)
}

// attacks are the membership attacks that need nothing but synthetic records.
var attacks = []attack{
	{"nearest", nearest},
	{"domias", func(t *Trial, synthetic, attacked Records) ([]float64, error) {
		return densityRatio(attacked, synthetic, t.Reference)
	}},
	{"domias_narrow", func(t *Trial, synthetic, attacked Records) ([]float64, error) {
		return narrowRatio(attacked, synthetic, t.Reference), nil
	}},
}

// nearest scores records by their distance to the nearest synthetic one of their class.
func nearest(_ *Trial, synthetic, attacked Records) ([]float64, error) {
	rows := synthetic.byClass()
	out := make([]float64, attacked.Len())
	for i, row := range attacked.Rows {
		out[i] = -metric.Closest([][]float64{row}, rows[attacked.Classes[i]])[0]
	}
	return out, nil
}

// membership tries one attack. Records of classes that the synthetic or the reference
// records lack are not attacked.
func (t *Trial) membership(a attack, synthetic Records, seed uint64) (Membership, error) {
	drawn, known := synthetic.byClass(), t.Reference.byClass()
	attacked := t.Attacked()
	asked := func(i int) bool {
		c := attacked.Classes[i]
		return len(drawn[c]) > 0 && len(known[c]) > 0
	}
	some := attacked.where(asked)
	score, err := a.score(t, synthetic, some)
	if err != nil {
		return Membership{}, err
	}
	var member, lone []bool
	for i := range attacked.Rows {
		if asked(i) {
			member, lone = append(member, i < t.Members.Len()), append(lone, t.lone[i])
		}
	}
	return judge(a.name, score, member, lone, seed), nil
}

// leastAt01 is how many others it takes for one of them to be 0.1 %.
const leastAt01 = 1000

// judge measures scores.
func judge(name string, score []float64, member, lone []bool, seed uint64) Membership {
	others := len(member) - metric.Number(member)
	m := Membership{Attack: name, Attacked: others, scores: score, member: member, At1Percent: none, At01Percent: none}
	m.AUC = areaOf(member, score)
	m.Right = m.RightAt(confidence)
	if others >= leastAt01/10 {
		m.At1Percent = found(member, score, 0.01, seed)
	}
	if others >= leastAt01 {
		m.At01Percent = found(member, score, 0.001, seed)
	}
	var loneMember []bool
	var loneScore []float64
	for i, alone := range lone {
		if alone {
			loneMember, loneScore = append(loneMember, member[i]), append(loneScore, score[i])
		}
	}
	m.DistinctOf, m.Distinct = len(loneMember), areaOf(loneMember, loneScore)
	return m
}

// RightAt is Right with an interval of another confidence.
func (m Membership) RightAt(confidence float64) Estimate {
	return shareAt(right(m.member, m.scores), len(m.member), confidence)
}

// areaOf is the area under the ROC curve with DeLong's interval (1988): the variance of the
// shares of the one side that a record of the other side is above.
func areaOf(member []bool, score []float64) Estimate {
	auc := metric.AUC(member, score)
	if math.IsNaN(auc) {
		return none
	}
	ofMembers, ofOthers := placements(member, score)
	if len(ofMembers) < 2 || len(ofOthers) < 2 {
		return Estimate{auc, 0, 1}
	}
	se := math.Sqrt(stat.Variance(ofMembers, nil)/float64(len(ofMembers)) + stat.Variance(ofOthers, nil)/float64(len(ofOthers)))
	e := clipped(auc, quantile(confidence)*se)
	e.Value = auc
	return e
}

// apart are the scores of the members and those of the others.
func apart(member []bool, score []float64) (in, out []float64) {
	for i, is := range member {
		if is {
			in = append(in, score[i])
		} else {
			out = append(out, score[i])
		}
	}
	return in, out
}

// placements are, for each member, the share of the others below it, and for each other the
// share of the members above it; ties count one half.
func placements(member []bool, score []float64) (ofMembers, ofOthers []float64) {
	in, out := apart(member, score)
	slices.Sort(in)
	slices.Sort(out)
	below := func(sorted []float64, v float64) float64 {
		from, _ := slices.BinarySearch(sorted, v)
		to, _ := slices.BinarySearchFunc(sorted, v, func(a, b float64) int {
			if a <= b {
				return -1
			}
			return 1
		})
		return float64(from+to) / 2 / float64(len(sorted))
	}
	for _, v := range in {
		ofMembers = append(ofMembers, below(out, v))
	}
	for _, v := range out {
		ofOthers = append(ofOthers, 1-below(in, v))
	}
	return ofMembers, ofOthers
}

// right is the share of right answers of an attacker who knows how many were trained on
// and names those with the highest scores; of equal scores he names some at random.
func right(member []bool, score []float64) float64 {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	named := metric.Number(member)
	hits := 0.0 // members named
	for from := 0; from < named; {
		to, in := from, 0
		for ; to < len(order) && score[order[to]] == score[order[from]]; to++ {
			if member[order[to]] {
				in++
			}
		}
		hits += float64(in) * float64(min(to, named)-from) / float64(to-from)
		from = to
	}
	// The members not named are wrong, and so are as many others that were named.
	return 1 - 2*(float64(named)-hits)/float64(len(member))
}

// resamples of a bootstrap.
const resamples = 200

// found is the share of the members that are found at a share of false alarms, with the
// interval of a bootstrap (Efron 1979) over members and others.
func found(member []bool, score []float64, rate float64, seed uint64) Estimate {
	value := metric.Detection(member, score, rate)
	if math.IsNaN(value) {
		return none
	}
	in, out := apart(member, score)
	rng := noise.Stream(seed, noise.Key("bootstrap"))
	again, labels := make([]float64, len(score)), make([]bool, len(score))
	for i := range labels {
		labels[i] = i < len(in)
	}
	values := make([]float64, resamples)
	for k := range values {
		for i := range again {
			if labels[i] {
				again[i] = in[rng.IntN(len(in))]
			} else {
				again[i] = out[rng.IntN(len(out))]
			}
		}
		values[k] = metric.Detection(labels, again, rate)
	}
	slices.Sort(values)
	tail := (1 - confidence) / 2
	return Estimate{value, values[int(tail*resamples)], values[resamples-1-int(tail*resamples)]}
}
