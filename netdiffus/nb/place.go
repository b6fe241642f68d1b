package nb

import (
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
)

// place is an output that is redrawn while the cell runs. Its id is new in every run,
// because the kernel remembers ids: a cell that used one again would update an output
// that no longer exists.
//
// draw is called while the place is locked. Callers of changed and close must not hold
// a lock that draw takes.
type place struct {
	draw  func(last bool) (b bundle, ok bool, err error) // ok is false if there is nothing to draw yet
	pause time.Duration                                  // least time between two drawings

	mu     sync.Mutex
	id     string
	next   time.Time // time before which nothing is drawn
	closed bool
}

const (
	livePause = 250 * time.Millisecond // between two drawings of a chart, at least
	share     = 10                     // drawing takes at most 1/share of the time
)

func newPlace(pause time.Duration, draw func(last bool) (bundle, bool, error)) *place {
	p := &place{draw: draw, pause: pause}
	if Here() {
		p.id = "netdiffus-" + gonbui.UniqueId()
		places.add(p)
	}
	return p
}

// changed redraws the place, unless it was drawn a moment ago.
func (p *place) changed() error { return p.update(false) }

// noted redraws the place at once. It is for rare changes, which may not be followed
// by another one soon.
func (p *place) noted() error { return p.update(true) }

func (p *place) update(atOnce bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !Here() || p.closed || !atOnce && time.Now().Before(p.next) {
		return nil
	}
	return p.redraw(false)
}

// close draws the place for the last time.
func (p *place) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !Here() || p.closed {
		return nil
	}
	p.closed = true
	places.remove(p)
	return p.redraw(true)
}

func (p *place) redraw(last bool) error {
	begun := time.Now()
	b, ok, err := p.draw(last)
	if err != nil || !ok {
		return err
	}
	b.id = p.id
	if err := show(b); err != nil {
		return err
	}
	end := time.Now()
	p.next = begun.Add(max(p.pause, share*end.Sub(begun)))
	return nil
}

// places are those that are not closed; a failing cell closes them.
var places registry

type registry struct {
	mu   sync.Mutex
	open []*place
}

func (r *registry) add(p *place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = append(r.open, p)
}

func (r *registry) remove(p *place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.open {
		if other == p {
			r.open = append(r.open[:i], r.open[i+1:]...)
			return
		}
	}
}

// closeAll closes all open places, in the order in which they were made. It ignores
// errors, because the cell ends with an error of its own.
func closeAll() {
	places.mu.Lock()
	open := append([]*place(nil), places.open...)
	places.mu.Unlock()
	for _, p := range open {
		_ = p.close()
	}
}
