package report

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/reservoir"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Limit lets a part of the records stand for all where there are more than memory holds, or
// than are worth waiting for: so many of each class, drawn at random (package reservoir).
// The records are read one after the other, and only those drawn are held. The zero value
// takes all.
type Limit struct {
	PerClass int    // below 1: no limit
	Seed     uint64 // which are drawn
}

// Drawn says that a part of the records was judged.
type Drawn struct {
	Judged   int    `json:"judged"`
	Of       int    `json:"of"`
	PerClass int    `json:"per_class"` // of each class at most
	Seed     uint64 `json:"seed"`
}

// Drawn is what is said of n records that l has left of so many: nil where it is all.
func (l Limit) Drawn(n, of int) *Drawn {
	if n == of {
		return nil
	}
	return &Drawn{n, of, l.PerClass, l.Seed}
}

func (d Drawn) String() string {
	return fmt.Sprintf("%d of %d, drawn at random: at most %d of each class, seed %d", d.Judged, d.Of, d.PerClass, d.Seed)
}

// Flows reads flows. Where it has drawn from them it says so.
func (l Limit) Flows(flows iter.Seq2[traffic.Flow, error]) ([]traffic.Flow, *Drawn, error) {
	return collect(l, flows, func(f traffic.Flow) string { return f.Label })
}

// Series is Flows for series.
func (l Limit) Series(all iter.Seq2[series.Series, error]) ([]series.Series, *Drawn, error) {
	return collect(l, all, func(s series.Series) string { return s.Label })
}

func collect[T any](l Limit, records iter.Seq2[T, error], class func(T) string) ([]T, *Drawn, error) {
	r := reservoir.New[T](l.PerClass, l.Seed)
	for one, err := range records {
		if err != nil {
			return nil, nil, err
		}
		r.Add(class(one), one)
	}
	kept := r.Kept()
	return kept, l.Drawn(len(kept), r.Seen()), nil
}

// Open reads what the function Open does, with the reader of files of flows, such as one
// that names columns. path may also be a folder of shards of samples.
func (l Limit) Open(reader traffic.Reader, path string, r dataset.Recipe) (Traffic, *Drawn, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Traffic{}, nil, err
	}
	if !info.IsDir() && filepath.Ext(path) != ".npz" {
		flows, drawn, err := l.Flows(reader.Read(path))
		return Traffic{Flows: flows}, drawn, err
	}
	set, of, err := dataset.OpenDrawn(path, &dataset.OpenOptions{Recipe: r}, l.PerClass, l.Seed)
	if err != nil {
		return Traffic{}, nil, err
	}
	if !set.Encoding.Fitted() {
		return Traffic{}, nil, fmt.Errorf("report: %s: %w", path, ErrNoScale)
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err != nil {
		return Traffic{}, nil, fmt.Errorf("report: %s: %w", path, err)
	}
	return Traffic{flows, set, !set.Encoding.Holds(traffic.FieldDir)}, l.Drawn(set.Len(), of), nil
}
