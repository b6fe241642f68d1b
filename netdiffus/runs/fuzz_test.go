package runs

import "testing"

// FuzzReport reads the metrics.json of a report of others.
func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"schema":"netdiffus-report/1","inputs":[{"role":"synthetic","path":"a","made_by":"b"}],"sizes":[{"per_class":4,"rows":[{"source":"synthetic","figures":{"tstr_accuracy":{"mean":0.5,"sd":0.1,"values":[0.4,0.6]}}}]}],"memorisation":{"held_out":{"source":"\"test\""},"rows":[{"source":"x","membership_auc":{"mean":0.5}}]}}`))
	f.Add([]byte(`{"schema":"netdiffus-report/1","sizes":[{}]}`))
	f.Add([]byte(`{"schema":"netdiffus-report/9"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Report
		if err := r.parse(text); err != nil {
			return
		}
		r.Figure("tstr_accuracy") // what lists ask of it
		r.baseline("tstr_accuracy", 1)
		r.of("real", "tstr_accuracy")
	})
}
