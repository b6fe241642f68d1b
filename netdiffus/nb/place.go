package nb

import (
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
)

// place is a spot of the notebook that is drawn again and again while the cell
// runs. Its id is new in every run: the kernel remembers ids, and a cell that is
// run again under an old one would change the output that is gone.
//
// draw is called with the place locked. The owner's methods call changed and
// close without holding a lock that draw takes.
type place struct {
	draw  func(last bool) (b bundle, ok bool, err error) // ok is false where there is nothing to draw yet
	pause time.Duration                                  // between two drawings, at least

	mu     sync.Mutex
	id     string
	next   time.Time // no drawing before that
	closed bool
}

// Drawings are this far apart, and take at most one part in share of the time.
const (
	livePause = 250 * time.Millisecond
	share     = 10
)

func newPlace(pause time.Duration, draw func(last bool) (bundle, bool, error)) *place {
	p := &place{draw: draw, pause: pause}
	if Here() {
		p.id = "netdiffus-" + gonbui.UniqueId()
		places.add(p)
	}
	return p
}

// changed says that there is something new to draw, and draws it if it is time.
func (p *place) changed() error { return p.update(false) }

// noted is changed for what is rare, and may be the last for a while: it is drawn at
// once.
func (p *place) noted() error { return p.update(true) }

func (p *place) update(atOnce bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !Here() || p.closed || !atOnce && time.Now().Before(p.next) {
		return nil
	}
	return p.redraw(false)
}

// close draws the last state.
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

// places are those not closed yet: a failing cell draws them a last time.
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

// closeAll closes what is open, in the order of its making. What fails is passed
// over: the cell ends with an error of its own.
func closeAll() {
	places.mu.Lock()
	open := append([]*place(nil), places.open...)
	places.mu.Unlock()
	for _, p := range open {
		_ = p.close()
	}
}
