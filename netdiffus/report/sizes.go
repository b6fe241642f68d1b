package report

import (
	"cmp"
	"slices"
)

// want is how many flows of each class to draw for a size.
func (e *evaluation) want(perClass int) []int {
	most := e.mostSynthetic()
	n := make([]int, len(e.classes))
	for c := range n {
		if n[c] = min(perClass, most); perClass == All {
			n[c] = len(e.train[c])
		}
	}
	return n
}

// mostSynthetic is the number of synthetic flows of the class that has most.
func (e *evaluation) mostSynthetic() int {
	most := 0
	for _, flows := range e.synthetic {
		most = max(most, len(flows))
	}
	return most
}

// sizes are the numbers of flows a class to judge: those asked for, as far as there
// are flows, in rising order, All last.
func (e *evaluation) sizes() []int {
	most := e.mostSynthetic()
	var sizes []int
	for _, n := range e.PerClass {
		sizes = append(sizes, min(n, most))
	}
	slices.SortFunc(sizes, func(a, b int) int { return cmp.Compare(uint(a), uint(b)) }) // All = −1 is the largest
	return slices.Compact(sizes)
}

// sizeNamed names a size of sizes for a sentence.
func (e *evaluation) sizeNamed(size int) string {
	return Size{PerClass: size, All: size == All}.of(e.many)
}

// noteSizes notes where there are fewer flows than asked for.
func (e *evaluation) noteSizes() {
	e.noteOthers()
	most := e.mostSynthetic()
	for _, n := range e.PerClass {
		if n > most {
			e.note("%d %s a class were asked for; the synthetic %s are at most %d a class, and so is everything they are compared to.", n, e.many, e.many, most)
		}
	}
	for _, n := range e.sizes() {
		want := e.want(n)
		for c, flows := range e.synthetic {
			if len(flows) < want[c] && len(flows) > 0 {
				e.note("Class %q has %d synthetic %s where %d were to be judged; the baselines have all %d.", e.classes[c], len(flows), e.many, want[c], want[c])
			}
		}
	}
}

// independentDraws is how many draws of a size the synthetic flows are enough for.
func (e *evaluation) independentDraws(size int) float64 {
	draws := float64(e.Seeds)
	for c, n := range e.want(size) {
		if len(e.synthetic[c]) > 0 {
			draws = min(draws, max(1, float64(len(e.synthetic[c]))/float64(n)))
		}
	}
	return draws
}

// short reports whether some class has synthetic flows, but fewer than wanted.
func (e *evaluation) short(size int) bool {
	for c, n := range e.want(size) {
		if have := len(e.synthetic[c]); have > 0 && have < n {
			return true
		}
	}
	return false
}

// largest is the size that the further tasks work at: as many synthetic flows a
// class as were asked for.
func (e *evaluation) largest() []int {
	sizes := e.sizes()
	if n := len(sizes); n > 1 && sizes[n-1] == All {
		return e.want(sizes[n-2])
	}
	return e.want(sizes[len(sizes)-1])
}

// addedSizes are the numbers of records of each class that augmentation adds.
func (e *evaluation) addedSizes() [][]int {
	if !e.eachSize {
		return [][]int{e.largest()}
	}
	var out [][]int
	for _, size := range e.sizes() {
		if size != All || len(out) == 0 {
			out = append(out, e.want(size))
		}
	}
	return out
}

// steps is how often step is called.
func (e *evaluation) steps() int {
	n := e.Seeds * len(e.sources) * (len(e.sizes()) + 1) // fidelity and classification; memorisation
	n += e.privacySteps()
	if slices.Contains(e.Tasks, Augmentation) {
		for size := range e.addedSizes() {
			for _, j := range e.judges() {
				if e.doesSize(j, size) {
					n += e.Seeds * len(e.few)
				}
			}
		}
	}
	if slices.Contains(e.Tasks, Fingerprint) {
		n += e.Seeds * len(e.judges())
	}
	if slices.Contains(e.Tasks, Anomaly) {
		n += e.Seeds * len(e.sourcesWith(inTasks))
	}
	return n
}
