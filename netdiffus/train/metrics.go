package train

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// metrics gathers steps and writes their mean to metrics.jsonl every so many
// steps. The names are guided-diffusion's: loss_q0 is the loss of the samples
// in the quarter of the steps with the least noise, loss_q3 of those with the
// most.
type metrics struct {
	log    *track.Log
	every  int
	sums   map[string]sum
	status func(string)
	failed bool // the last line could not be written
}

type sum struct {
	total float64
	n     int
}

func (m *metrics) add(name string, value float64) {
	s := m.sums[name]
	m.sums[name] = sum{s.total + value, s.n + 1}
}

// step adds one step: its report and the weighted losses of its samples
// at the steps t of a process of so many.
func (m *metrics) step(r StepMetrics, l losses, t []int32, weight []float32, steps int) {
	if m == nil {
		return
	}
	m.add("loss", r.Loss)
	m.add("mse", r.MSE)
	atoms := r.Cross != 0 // then there is a cross-entropy in place of the bound's part
	if atoms {
		m.add("cross_entropy", r.Cross)
	} else {
		m.add("vb", r.VLB)
	}
	m.add("grad_norm", r.GradNorm)
	m.add("lr", r.LR)
	m.add("step_seconds", r.StepTime.Seconds())
	for i, at := range t {
		quarter := 4 * int(at) / steps
		w := float64(weight[i])
		m.add(fmt.Sprintf("loss_q%d", quarter), w*float64(l.total[i]))
		m.add(fmt.Sprintf("mse_q%d", quarter), w*float64(l.mse[i]))
		if atoms {
			m.add(fmt.Sprintf("cross_entropy_q%d", quarter), w*float64(l.cross[i]))
		} else {
			m.add(fmt.Sprintf("vb_q%d", quarter), w*float64(l.vlb[i]))
		}
	}
	if r.Step%m.every == 0 {
		m.flush(r.Step)
	}
}

// validation adds a measurement of the flows held out.
func (m *metrics) validation(v Validation) {
	if m == nil {
		return
	}
	m.add("validation_loss", v.Loss)
	m.add("validation_mse", v.MSE)
	if v.Cross != 0 {
		m.add("validation_cross_entropy", v.Cross)
	}
	if v.Allowed != 0 || v.Copies != 0 {
		m.add("validation_copies", v.Copies)
	}
}

// flush writes the means since the last line. It is called before a
// checkpoint too, so that a run that continues from it neither loses nor repeats
// a step. A line that cannot be written, on a full disk for example, does not end the
// training: the log keeps it for later, and the caller is told once.
func (m *metrics) flush(step int) {
	if m == nil || len(m.sums) == 0 {
		return
	}
	means := make(map[string]float64, len(m.sums))
	for name, s := range m.sums {
		means[name] = s.total / float64(s.n)
	}
	clear(m.sums)
	err := m.log.Add(step, means)
	switch {
	case err != nil && !m.failed:
		m.status(fmt.Sprintf("step %d: %v; training goes on, and the lines are kept until they can be written", step, err))
	case err == nil && m.failed:
		m.status(fmt.Sprintf("step %d: the metrics are written again", step))
	}
	m.failed = err != nil
}

// readPast returns the reports of the steps that a run directory's metrics.jsonl
// holds, in their order: the inverse of what metrics writes, but for Saved.
func readPast(dir string) ([]StepMetrics, error) {
	series, err := track.Metrics(dir)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	reports := map[int]StepMetrics{}
	for name, set := range map[string]func(*StepMetrics, float64){
		"loss":          func(r *StepMetrics, v float64) { r.Loss = v },
		"mse":           func(r *StepMetrics, v float64) { r.MSE = v },
		"vb":            func(r *StepMetrics, v float64) { r.VLB = v },
		"cross_entropy": func(r *StepMetrics, v float64) { r.Cross = v },
		"grad_norm":     func(r *StepMetrics, v float64) { r.GradNorm = v },
		"lr":            func(r *StepMetrics, v float64) { r.LR = v },
		"step_seconds":  func(r *StepMetrics, v float64) { r.StepTime = time.Duration(v * float64(time.Second)) },
	} {
		for i, step := range series[name].Step {
			r := reports[int(step)]
			r.Step = int(step)
			set(&r, series[name].Value[i])
			reports[r.Step] = r
		}
	}
	var past []StepMetrics
	for _, step := range slices.Sorted(maps.Keys(reports)) {
		past = append(past, reports[step])
	}
	return past, nil
}
