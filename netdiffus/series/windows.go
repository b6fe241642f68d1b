package series

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math/rand/v2"
	"time"
)

// Window is how traces become series of one length.
type Window struct {
	Length int // bins of a window
	Stride int // bins from one window's start to the next's; 0 means Length
	Most   int // windows of a trace; 0 means all

	// Partial also keeps a trace's last window where it is not full, filled up with
	// zeros: silence after the trace's end. The first window of a trace is always kept.
	Partial bool
	// MinBins leaves out traces of fewer bins.
	MinBins int
}

// Windows cuts traces into windows. All windows of a trace keep its name, by which
// Split keeps them together.
func (w Window) Windows(traces iter.Seq2[Series, error]) iter.Seq2[Series, error] {
	if w.Stride == 0 {
		w.Stride = w.Length
	}
	return func(yield func(Series, error) bool) {
		if w.Length < 1 || w.Length > MaxBins || w.Stride < 1 || w.Most < 0 {
			yield(Series{}, fmt.Errorf("series: windows of %d bins every %d: want 1 to %d bins, every one or more", w.Length, w.Stride, MaxBins))
			return
		}
		n := 0
		for s, err := range traces {
			if err != nil {
				yield(s, err)
				return
			}
			if s.Trace == "" {
				s.Trace = fmt.Sprint(n)
			}
			n++
			if s.Bins() < w.MinBins {
				continue
			}
			for k, at := 0, 0; at < s.Bins() && (w.Most == 0 || k < w.Most); k, at = k+1, at+w.Stride {
				if at > 0 && at+w.Length > s.Bins() && !w.Partial {
					break
				}
				if !yield(w.at(s, at), nil) {
					return
				}
			}
		}
	}
}

// at is the window of s from bin at on.
func (w Window) at(s Series, at int) Series {
	out := s
	out.Values = make([][]float64, len(s.Values))
	for i, values := range s.Values {
		out.Values[i] = make([]float64, w.Length)
		copy(out.Values[i], values[at:])
	}
	if !s.Start.IsZero() {
		out.Start = s.Start.Add(time.Duration(at) * s.Step)
	}
	return out
}

// Split divides series at random in two: second gets about the share of each label's
// traces, first the rest. All series of a trace go the same way. all is ranged over
// once here, and once for each part. The same seed divides the same traces alike.
func Split(all iter.Seq2[Series, error], share float64, seed uint64) (first, second iter.Seq2[Series, error], err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("series: split: a share of %v, want one above 0 and below 1", share)
	}
	key := traceKeys()
	byLabel := map[string][]uint64{}
	var labels []string
	seen := map[uint64]bool{}
	n := 0
	for s, err := range all {
		if err != nil {
			return nil, nil, err
		}
		k := key(s, n)
		n++
		if seen[k] {
			continue
		}
		seen[k] = true
		if byLabel[s.Label] == nil {
			labels = append(labels, s.Label)
		}
		byLabel[s.Label] = append(byLabel[s.Label], k)
	}
	if n == 0 {
		return nil, nil, errors.New("series: split: no series")
	}
	for i, label := range labels {
		keys := byLabel[label]
		rand.New(rand.NewPCG(seed, uint64(i))).Shuffle(len(keys), func(a, b int) { keys[a], keys[b] = keys[b], keys[a] })
		take := int(share*float64(len(keys)) + 0.5)
		if len(keys) > 1 {
			take = min(max(take, 1), len(keys)-1)
		}
		for at, k := range keys {
			seen[k] = at < take // in the second part
		}
	}
	part := func(want bool) iter.Seq2[Series, error] {
		return func(yield func(Series, error) bool) {
			n := 0
			for s, err := range all {
				if err == nil {
					n++
					if seen[key(s, n-1)] != want {
						continue
					}
				}
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
	return part(false), part(true), nil
}

// traceKeys returns what identifies a trace: its label and name, or where it has none
// its number.
func traceKeys() func(s Series, n int) uint64 {
	seed := maphash.MakeSeed()
	return func(s Series, n int) uint64 {
		if s.Trace == "" {
			return maphash.String(seed, fmt.Sprintf("\x00%d", n))
		}
		return maphash.String(seed, s.Label+"\x00"+s.Trace)
	}
}
