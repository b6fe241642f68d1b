package metric

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// The recorded numbers are SciPy's and scikit-learn's, and the evaluator's of
// guided-diffusion, all in float64: only the order of operations differs.
const rounding = 1e-12

func reference(t *testing.T) *golden.File { return golden.Open(t, "evaluation.npz") }

func check(t *testing.T, what string, got, want, rtol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rtol*math.Max(math.Abs(want), 1e-3)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

func TestHistogramAsNumPy(t *testing.T) {
	f := reference(t)
	iu, u := f.Floats(t, "w1_iu"), f.Floats(t, "w1_u")
	edges := Edges(10, iu)
	if want := f.Floats(t, "hist_edges"); !slices.Equal(edges, want) {
		t.Errorf("Edges = %v, want %v", edges, want)
	}
	if got, want := Count(iu, edges), f.Floats(t, "hist_counts"); !slices.Equal(got, want) {
		t.Errorf("Count = %v, want %v", got, want)
	}
	edges = edgesBetween(7, -2, 2)
	if want := f.Floats(t, "hist_density_edges"); !slices.Equal(edges, want) {
		t.Errorf("edgesBetween = %v, want %v", edges, want)
	}
	counts := Count(u, edges)
	for i, want := range f.Floats(t, "hist_density") {
		density := counts[i] / (sum(counts) * (edges[i+1] - edges[i]))
		check(t, fmt.Sprintf("density[%d]", i), density, want, rounding)
	}
}

func TestSamplesAsSciPy(t *testing.T) {
	f := reference(t)
	one := func(name string) float64 { return f.Floats(t, name)[0] }
	u, v, iu, iv := f.Floats(t, "w1_u"), f.Floats(t, "w1_v"), f.Floats(t, "w1_iu"), f.Floats(t, "w1_iv")
	uw, vw := f.Floats(t, "w1_u_weights"), f.Floats(t, "w1_v_weights")
	check(t, "Wasserstein", Wasserstein(u, v), one("wasserstein"), rounding)
	check(t, "Wasserstein of integers", Wasserstein(iu, iv), one("wasserstein_int"), rounding)
	check(t, "WassersteinWeighted", WassersteinWeighted(u, uw, v, vw), one("wasserstein_weighted"), rounding)
	check(t, "KS", KS(u, v), one("ks_exact"), rounding)
	check(t, "KS of integers", KS(iu, iv), one("ks_int_exact"), rounding)
}

func TestDivergencesAsSciPy(t *testing.T) {
	f := reference(t)
	p, q := rows(t, f, "js_p"), rows(t, f, "js_q")
	for i := range p {
		check(t, "root of JensenShannon", math.Sqrt(JensenShannon(p[i], q[i])), f.Floats(t, "js_distance_2")[i], 1e-9)
		check(t, "JensenShannon, nats", JensenShannon(p[i], q[i])*math.Ln2, f.Floats(t, "js_divergence_e")[i], rounding)
	}
}

func TestFrechet(t *testing.T) {
	f := reference(t)
	for i := range 4 {
		id := fmt.Sprintf("fid%d", i)
		a, b := rows(t, f, id+"_a"), rows(t, f, id+"_b")
		mean, cov := moments(a)
		for j, want := range f.Floats(t, id+"_mu_a") {
			check(t, "mean", mean[j], want, rounding)
		}
		for j, want := range f.Floats(t, id+"_sigma_a") {
			check(t, "covariance", cov.At(j/len(mean), j%len(mean)), want, 1e-11)
		}
		// Where a covariance is singular, or the sets are the same, the result
		// is what is left of larger terms; rounding there is that of the terms.
		got, want := Frechet(a, b), f.Floats(t, id+"_eig")[0]
		if math.Abs(got-want) > 1e-6*math.Max(want, 1) {
			t.Errorf("%s: Frechet = %v, want %v", id, got, want)
		}
	}
}

func TestMMD(t *testing.T) {
	f := reference(t)
	a := rows(t, f, "sliced_a")
	for name, b := range map[string][][]float64{"ab": rows(t, f, "sliced_b"), "ac": rows(t, f, "sliced_c")} {
		want := f.Floats(t, "mmd_"+name)
		median := f.Floats(t, "mmd_"+name+"_median")[0]
		check(t, "MedianGamma", MedianGamma(a, b), 1/(2*median*median), rounding)
		for i, gamma := range []float64{0.1, MedianGamma(a, b)} {
			check(t, "gamma", gamma, want[3*i], rounding)
			check(t, "MMD", MMD(a, b, gamma), want[3*i+2], 1e-10)
		}
	}
}

func TestScoresAsScikitLearn(t *testing.T) {
	f := reference(t)
	one := func(name string) float64 { return f.Floats(t, name)[0] }
	truth := ints(t, f, "cls_y_true")
	for _, suffix := range []string{"", "_missing"} { // _missing: class 3 is never predicted
		c := Confuse(truth, ints(t, f, "cls_y_pred"+suffix), 4)
		for i, want := range ints(t, f, "confusion"+suffix) {
			if got := c[i/4][i%4]; got != want {
				t.Errorf("confusion%s[%d] = %d, want %d", suffix, i, got, want)
			}
		}
		f1 := f.Floats(t, "f1"+suffix)
		check(t, "macro F1", c.MacroF1(), f1[0], rounding)
		check(t, "micro F1", c.Accuracy(), f1[1], rounding)
		check(t, "accuracy", c.Accuracy(), one("accuracy"+suffix), rounding)
	}
}

func TestRankingAsScikitLearn(t *testing.T) {
	f := reference(t)
	one := func(name string) float64 { return f.Floats(t, name)[0] }
	var positive []bool
	for _, y := range ints(t, f, "bin_y") {
		positive = append(positive, y == 1)
	}
	score := f.Floats(t, "bin_score")
	check(t, "AUC", AUC(positive, score), one("bin_auc"), rounding)
	curve, fpr, tpr := roc(positive, score), f.Floats(t, "bin_roc_fpr"), f.Floats(t, "bin_roc_tpr")
	if len(curve) != len(fpr) {
		t.Fatalf("the ROC curve has %d points, want %d", len(curve), len(fpr))
	}
	for i, p := range curve {
		check(t, "false positive rate", p.falsePositive, fpr[i], rounding)
		check(t, "true positive rate", p.truePositive, tpr[i], rounding)
	}
}

// rows returns a two-dimensional array as its rows.
func rows(t *testing.T, f *golden.File, key string) [][]float64 {
	t.Helper()
	a := f.Array(t, key)
	return slices.Collect(slices.Chunk(a.Floats(), a.Shape[1]))
}

func ints(t *testing.T, f *golden.File, key string) []int {
	t.Helper()
	var out []int
	for _, v := range f.Ints(t, key) {
		out = append(out, int(v))
	}
	return out
}
