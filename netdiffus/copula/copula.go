// Package copula models series of numbers by a Gaussian copula for each class: every
// place of every channel has the distribution of its values (codec.Quantiles), and their
// normal scores are jointly Gaussian, over all places and channels. Where channels are
// silent at times, a Markov chain over silent or not says where, its states shift the
// scores of all channels, and the Gaussian says what the values are in between.
//
// A class may have several variants of traces, as when a video is sent at one of several rates:
// each has a Gaussian and a chain of its own, and the class is their mixture.
//
// It draws series, and it draws them given noisy ones, which makes it a diffusion model
// without a network; a network corrects it (netdiffus.Numbers).
package copula

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// Settings are how a copula is estimated. The correlation of a class is Class times its
// own, Pooled times the mean of all classes', and the rest that of independent places.
type Settings struct {
	Class  float64 `json:"class,omitempty"`  // 0 means 0.5
	Pooled float64 `json:"pooled,omitempty"` // 0 means 0.35
	// Variants is the largest number of variants of a class; 0 means 6. There is one for every
	// 8 traces at most.
	Variants int `json:"variants,omitempty"`
}

func (s Settings) withDefaults() Settings {
	if s.Class == 0 && s.Pooled == 0 {
		s.Class, s.Pooled = 0.5, 0.35
	}
	s.Variants = cmp.Or(s.Variants, 6)
	return s
}

// Check returns what is wrong with s.
func (s Settings) Check() error {
	if s.Variants < 0 {
		return fmt.Errorf("copula: %d variants of a class, want 0 or more", s.Variants)
	}
	if d := s.withDefaults(); !(d.Class >= 0) || !(d.Pooled >= 0) || !(d.Class+d.Pooled < 1) {
		return fmt.Errorf("copula: weights %v of the class and %v of all classes: want them 0 or more, and less than 1 together", d.Class, d.Pooled)
	}
	return nil
}

// Copula is a fitted model. It does not change, and may be used by several goroutines.
type Copula struct {
	codecs   []*codec.Quantiles // by channel
	classes  []string
	places   int
	variants []variant // of all classes, one class after another
	first    []int     // by class, the first of its variants; one more at the end
}

// Fit estimates a copula from traces of values, by class, trace, channel and place.
func Fit(classes []string, traces [][][][]float64, s Settings) (*Copula, error) {
	if len(classes) != len(traces) {
		return nil, fmt.Errorf("copula: traces of %d classes, %d names", len(traces), len(classes))
	}
	var first [][]float64
	for _, class := range traces {
		if len(class) > 0 {
			first = class[0]
			break
		}
	}
	if len(first) == 0 || len(first[0]) == 0 {
		return nil, errors.New("copula: no traces")
	}
	codecs := make([]*codec.Quantiles, len(first))
	for c := range codecs {
		fitter := (&codec.Quantiles{}).Fitter(len(first[0]))
		for i, class := range traces {
			for n, trace := range class {
				if len(trace) != len(first) {
					return nil, fmt.Errorf("copula: class %q, trace %d: %d channels, others have %d", classes[i], n, len(trace), len(first))
				}
				if err := fitter.Add(classes[i], trace[c]); err != nil {
					return nil, fmt.Errorf("copula: class %q, trace %d: %w", classes[i], n, err)
				}
			}
		}
		fitted, err := fitter.Codec()
		if err != nil {
			return nil, fmt.Errorf("copula: %w", err)
		}
		codecs[c] = fitted.(*codec.Quantiles)
	}
	var codes [][][]float64
	var labels []int
	for i, class := range traces {
		for _, trace := range class {
			code := make([][]float64, len(trace))
			for c, v := range trace {
				code[c] = make([]float64, len(v))
				if err := codecs[c].Encode(classes[i], v, code[c]); err != nil {
					return nil, fmt.Errorf("copula: %w", err)
				}
			}
			codes, labels = append(codes, code), append(labels, i)
		}
	}
	return FitCodes(codecs, classes, codes, labels, s)
}

// FitCodes is Fit of traces that the codecs of their channels have encoded already: by
// trace, channel and place. labels are the traces' classes.
func FitCodes(codecs []*codec.Quantiles, classes []string, codes [][][]float64, labels []int, s Settings) (*Copula, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(codes) == 0 || len(codecs) == 0 || len(codes) != len(labels) {
		return nil, fmt.Errorf("copula: %d traces of %d channels with %d labels", len(codes), len(codecs), len(labels))
	}
	m := &Copula{codecs: codecs, classes: classes, places: len(codes[0][0])}
	scores := make([][]scored, len(classes))
	for i, code := range codes {
		scores[labels[i]] = append(scores[labels[i]], m.score(code))
	}
	for c, list := range scores {
		if len(list) == 0 {
			return nil, fmt.Errorf("copula: no traces of class %q", classes[c])
		}
	}
	s = s.withDefaults()
	var members [][]scored // by variant
	for c, list := range scores {
		m.first = append(m.first, len(m.variants))
		variants, parts := m.divide(list, s.Variants, uint64(c))
		m.variants, members = append(m.variants, variants...), append(members, parts...)
	}
	m.first = append(m.first, len(m.variants))
	for c, traces := range scores {
		for i := m.first[c]; i < m.first[c+1]; i++ {
			m.chains(&m.variants[i], members[i], traces)
		}
	}
	m.correlations(members, s)
	return m, nil
}

// size is the number of values of a series.
func (m *Copula) size() int { return m.places * len(m.codecs) }

// scored is a series as normal scores and silence, both [channel·places + place].
type scored struct {
	z      []float64 // 0 where it is silent
	silent []bool
}

func (m *Copula) score(codes [][]float64) scored {
	s := scored{make([]float64, m.size()), make([]bool, m.size())}
	for c, row := range codes {
		for j, code := range row {
			s.z[c*m.places+j], s.silent[c*m.places+j] = m.codecs[c].Score(code)
		}
	}
	return s
}

// Draw draws a series of a class, of any variant: its values by channel and place.
func (m *Copula) Draw(class int, r *rand.Rand) [][]float64 {
	codes := make([][]float64, len(m.codecs))
	for c := range codes {
		codes[c] = make([]float64, m.places)
	}
	d := m.Drawer(m.DrawVariant(class, r))
	d.prior(r)
	d.write(codes)
	for c, q := range m.codecs {
		codes[c] = q.Decode(m.classes[class], codes[c])
	}
	return codes
}

// Codecs returns the channels' codecs.
func (m *Copula) Codecs() []*codec.Quantiles { return slices.Clone(m.codecs) }
