package traffic

import (
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
)

// ReadAll ranges over the flows of several files and folders, one after another.
// Files are read at the same time, see Workers, and their flows come in the order of
// the files all the same. A flow does not go on from one capture into the next, see
// Join.
func (r Reader) ReadAll(paths ...string) iter.Seq2[Flow, error] {
	return func(yield func(Flow, error) bool) {
		units := r.units(paths)
		if !r.Join {
			warnOfSets(r, units)
		}
		workers := r.Workers
		if workers <= 0 {
			const most = 8
			workers = min(runtime.GOMAXPROCS(0), most)
		}
		if workers = min(workers, len(units)); workers > 1 {
			r.readTogether(units, workers, yield)
			return
		}
		for _, u := range units {
			for flow, err := range u.flows(r) {
				if !yield(flow, err) || err != nil {
					return
				}
			}
		}
	}
}

// unit is what is read by itself: a file, or the captures that are joined.
type unit struct {
	paths  []string
	root   string // the folder that the files were found in, or ""
	joined bool
	err    error // in place of all that
}

// units lists what there is to read, in its order.
func (r Reader) units(paths []string) []unit {
	var units []unit
	sets := map[string]int{} // places of the joined captures, by label
	for _, path := range paths {
		files, err := Files(path)
		if err != nil {
			return append(units, unit{err: err})
		}
		root := ""
		if isFolder(path) {
			root = path
		}
		for _, file := range files {
			u := unit{paths: []string{file}, root: root}
			if r.Join && isCapture(file) {
				of := r
				of.root = root
				label := of.label(file, LabelFromFolder)
				if at, known := sets[label]; known {
					units[at].paths = append(units[at].paths, file)
					continue
				}
				u.joined, sets[label] = true, len(units)
			}
			units = append(units, u)
		}
	}
	return units
}

// CaptureSet is the warning about captures that seem to be parts of one and are read
// each by itself: connections that go on in the next file become several flows.
type CaptureSet struct {
	Path  string // of the first
	Files int
}

func (s *CaptureSet) Error() string {
	return fmt.Sprintf("traffic: %s and %d more seem to be parts of one capture, by their names: flows are cut where a file ends", s.Path, s.Files-1)
}

// warnOfSets warns of captures that seem to be parts of one.
func warnOfSets(r Reader, units []unit) {
	type set struct {
		CaptureSet
		numbered bool
	}
	sets := map[string]*set{}
	var order []*set
	for _, u := range units {
		if u.err != nil {
			continue
		}
		name, numbered := setName(u.paths[0])
		s := sets[name]
		if s == nil {
			s = &set{CaptureSet: CaptureSet{Path: u.paths[0]}}
			sets[name], order = s, append(order, s)
		}
		s.Files++
		s.numbered = s.numbered || numbered
	}
	for _, s := range order {
		if s.Files > 1 && s.numbered && isCapture(s.Path) {
			r.warn(&s.CaptureSet)
		}
	}
}

// isCapture reports whether a file is one. One that cannot be opened is not.
func isCapture(path string) bool {
	f, k, err := open(path)
	if err != nil {
		return false
	}
	f.Close()
	return k.name == captureKind
}

// flows ranges over the flows of the unit.
func (u unit) flows(r Reader) iter.Seq2[Flow, error] {
	r.root = u.root
	switch {
	case u.err != nil:
		return func(yield func(Flow, error) bool) { yield(Flow{}, u.err) }
	case u.joined && len(u.paths) > 1:
		return func(yield func(Flow, error) bool) { r.readJoined(u.paths, yield) }
	}
	return r.Read(u.paths[0])
}

// readJoined reads several captures as one.
func (r Reader) readJoined(paths []string, yield func(Flow, error) bool) {
	sources := make([]capture.Source, len(paths))
	for i, path := range paths {
		sources[i] = capture.Source{Name: path, Open: func() (io.ReadCloser, error) {
			f, _, err := open(path)
			return f, err
		}}
	}
	frames, err := capture.Join(sources, func(d *Damage) { r.warn(d) })
	if err != nil {
		yield(Flow{}, fmt.Errorf("traffic: joining captures: %w", err))
		return
	}
	defer frames.Close()
	r.assemble(frames, paths[0], r.shaped(paths[0], yield))
}

// maxAhead bounds what the flows that wait for their turn take, bytes.
const maxAhead = 64 << 20

// readTogether reads several units at once and yields their flows in the order of the
// units. It returns when all that it started has ended.
func (r Reader) readTogether(units []unit, workers int, yield func(Flow, error) bool) {
	q := &queue{waiting: make([][]batch, len(units)), done: make([]bool, len(units))}
	q.changed.L = &q.lock
	var running sync.WaitGroup
	next := make(chan int)
	for range workers {
		running.Go(func() {
			for i := range next {
				r.readInto(q, i, units[i])
			}
		})
	}
	running.Go(func() {
		defer close(next)
		for i := range units {
			next <- i
		}
	})
	defer running.Wait()
	defer q.stop()
	for i := range units {
		for items := range q.take(i) {
			for _, it := range items {
				if it.note != nil {
					it.note()
				} else if !yield(it.flow, it.err) || it.err != nil {
					return
				}
			}
		}
	}
}

// item is a flow or the error that ends them, or what is said between two of them.
type item struct {
	flow Flow
	err  error
	note func()
}

// size is what the item takes in memory, bytes, or nearly so.
func (it *item) size() int {
	const fixed, packet = 120, 24
	return fixed + packet*cap(it.flow.Packets)
}

// batch is items that change hands at once.
type batch struct {
	items []item
	size  int
}

// readInto reads a unit, of number i, into the queue.
func (r Reader) readInto(q *queue, i int, u unit) {
	defer q.end(i)
	if !q.goesOn() {
		return
	}
	const fullItems, fullBytes = 512, 256 << 10
	var b batch
	add := func(it item) bool {
		b.items = append(b.items, it)
		b.size += it.size()
		if len(b.items) < fullItems && b.size < fullBytes {
			return true
		}
		full := b
		b = batch{}
		return q.put(i, full)
	}
	own := r
	own.Warn = func(err error) { add(item{note: func() { r.warn(err) }}) }
	if r.Recognized != nil {
		own.Recognized = func(path, schema string) { add(item{note: func() { r.Recognized(path, schema) }}) }
	}
	if r.Counted != nil {
		own.Counted = func(path string, c CaptureCounts) { add(item{note: func() { r.Counted(path, c) }}) }
	}
	for flow, err := range u.flows(own) {
		if !add(item{flow: flow, err: err}) {
			return
		}
	}
	q.put(i, b)
}

// queue holds what was read of units and waits for its turn.
type queue struct {
	lock    sync.Mutex
	changed sync.Cond
	waiting [][]batch // by unit
	done    []bool    // by unit: nothing more will come
	turn    int       // the unit whose items are taken
	held    int       // size of all that waits
	stopped bool
}

// put adds a batch of a unit. It waits where too much is held already, but for a
// unit whose turn it is and of which nothing is held. It returns false where
// nobody wants any more.
func (q *queue) put(i int, b batch) bool {
	q.lock.Lock()
	defer q.lock.Unlock()
	for !q.stopped && q.held+b.size > maxAhead && (i != q.turn || len(q.waiting[i]) > 0) {
		q.changed.Wait()
	}
	if q.stopped {
		return false
	}
	q.waiting[i] = append(q.waiting[i], b)
	q.held += b.size
	q.changed.Broadcast()
	return true
}

// end says that nothing more will come of a unit.
func (q *queue) end(i int) {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.done[i] = true
	q.changed.Broadcast()
}

// take ranges over what comes of a unit.
func (q *queue) take(i int) iter.Seq[[]item] {
	return func(yield func([]item) bool) {
		q.lock.Lock()
		q.turn = i
		q.changed.Broadcast()
		q.lock.Unlock()
		for {
			batches := q.next(i)
			if batches == nil {
				return
			}
			for _, b := range batches {
				if !yield(b.items) {
					return
				}
			}
		}
	}
}

// next waits for batches of a unit. It returns nil at its end.
func (q *queue) next(i int) []batch {
	q.lock.Lock()
	defer q.lock.Unlock()
	for len(q.waiting[i]) == 0 && !q.done[i] {
		q.changed.Wait()
	}
	batches := q.waiting[i]
	q.waiting[i] = nil
	for _, b := range batches {
		q.held -= b.size
	}
	q.changed.Broadcast()
	return slices.Clip(batches)
}

// stop ends the reading.
func (q *queue) stop() {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.stopped = true
	q.changed.Broadcast()
}

func (q *queue) goesOn() bool {
	q.lock.Lock()
	defer q.lock.Unlock()
	return !q.stopped
}
