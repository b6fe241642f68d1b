package privacy

import (
	"math"
	"slices"
)

// Risk is how much oftener guesses about training records are right than guesses about real
// records that were not trained on, as Anonymeter has it (Giomi et al., PoPETs 2023):
// (attack − control) / (1 − control), of rates estimated by Wilson (1927).
type Risk struct {
	Attack string `json:"attack"` // "singling_out", "singling_out_univariate", "linkability", …
	// Rates of guesses about training records, about others, and of guesses at random.
	Success Rate `json:"success"`
	Control Rate `json:"control"`
	Naive   Rate `json:"naive"`
	// Risk has the interval of Anonymeter: the errors of both rates propagated. Below 0 is
	// 0.
	Risk Estimate `json:"risk"`
}

// Rate is how many of so many guesses were right; a number estimated need not be whole.
type Rate struct {
	Guesses int     `json:"guesses"`
	Right   float64 `json:"right"`
	// stretch is by how much the error is larger than that of a rate counted.
	stretch float64
}

// wilson is the middle and half the width of the rate's interval.
func (r Rate) wilson(confidence float64) (middle, half float64) {
	middle, half = wilson(r.Right, float64(r.Guesses), confidence)
	return middle, half * max(1, r.stretch)
}

// newRisk compares rates.
func newRisk(attack string, success, control, naive Rate) *Risk {
	r := &Risk{Attack: attack, Success: success, Control: control, Naive: naive}
	r.Risk = r.At(confidence)
	return r
}

// At is Risk with an interval of another confidence.
func (r Risk) At(confidence float64) Estimate {
	a, da := r.Success.wilson(confidence)
	c, dc := r.Control.wilson(confidence)
	if c >= 1 {
		return none
	}
	return clipped((a-c)/(1-c), math.Hypot(da/(1-c), dc*(a-1)/((1-c)*(1-c))))
}

// guesses are the attacks of Anonymeter. One returns nil where the records have nothing to
// guess.
var guesses = []func(*Trial, Records, Options) (*Risk, error){
	func(t *Trial, s Records, o Options) (*Risk, error) { return singlingOut(t.Train, t.control(), s, 1, o) },
	func(t *Trial, s Records, o Options) (*Risk, error) { return singlingOut(t.Train, t.control(), s, 3, o) },
	func(t *Trial, s Records, o Options) (*Risk, error) { return linkability(t.Train, t.control(), s, o) },
	func(t *Trial, s Records, o Options) (*Risk, error) { return inference(t.Train, t.control(), s, o) },
	func(t *Trial, s Records, o Options) (*Risk, error) { return classInference(t.Train, t.control(), s, o) },
}

// severalClasses reports whether there is more than one class.
func severalClasses(r Records) bool {
	return slices.ContainsFunc(r.Classes, func(c int) bool { return c != r.Classes[0] })
}
