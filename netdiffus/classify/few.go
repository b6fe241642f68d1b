package classify

import "github.com/netdiffus/netdiffus-go/netdiffus/noise"

// Few returns n rows of each class of t, drawn without replacement by the seed;
// all rows of a class that has no more. With one seed, fewer are the first of
// more.
func Few(t Table, n int, seed uint64) Table {
	taken := make([]int, t.Classes)
	out := Table{Classes: t.Classes}
	for _, i := range permutation(t.Len(), seed) {
		if y := t.Y[i]; taken[y] < n {
			taken[y]++
			out.X, out.Y = append(out.X, t.X[i]), append(out.Y, y)
		}
	}
	return out
}

func permutation(n int, seed uint64) []int {
	return noise.Stream(seed, noise.Key("permutation")).Perm(n)
}
