package capture

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Source is a capture that is opened when its turn comes.
type Source struct {
	Name string // of the file, for errors
	Open func() (io.ReadCloser, error)
}

// Joined reads several captures as one: those that a program has written one after
// another, or at the same time on several interfaces.
type Joined struct {
	captures   int
	waiting    []waiting // in the order of their first packets
	open       []*part   // those whose next packet is in frame
	last       *part     // whose packet was returned
	sequential bool
	damaged    func(*Damage)
	said       []string
}

// waiting is a capture that is not open, or not any more.
type waiting struct {
	Source
	first int64 // time of the first packet
}

// part is an open capture.
type part struct {
	frames Frames
	closer io.Closer
	frame  Frame
	name   string
}

// maxTogether bounds the captures that are open at once: a set of files written one
// after another needs two.
const maxTogether = 256

// Join returns the frames of the captures in the order of time: a capture is opened
// once the packets before its first one have been read. Captures without times are
// read in the order given. A capture that breaks off is reported to damaged, with its
// name, and the others are read on. Errors name their capture.
func Join(sources []Source, damaged func(*Damage)) (*Joined, error) {
	j := &Joined{captures: len(sources), damaged: damaged}
	for _, s := range sources {
		p, err := j.start(s)
		if err != nil {
			return nil, err
		}
		if p == nil { // without packets
			continue
		}
		p.closer.Close()
		j.waiting = append(j.waiting, waiting{s, p.frame.Time})
		j.sequential = j.sequential || !p.frame.Timed
	}
	if !j.sequential {
		slices.SortStableFunc(j.waiting, func(a, b waiting) int { return cmp.Compare(a.first, b.first) })
	}
	return j, nil
}

// start opens a capture and reads its first frame. It returns nil for one that has
// none.
func (j *Joined) start(s Source) (*part, error) {
	r, err := s.Open()
	if err != nil {
		return nil, err
	}
	frames, err := Open(r)
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	p := &part{frames: frames, closer: r, name: s.Name}
	more, err := j.advance(p)
	if err != nil || !more {
		return nil, err
	}
	return p, nil
}

// advance reads the next frame of an open capture. At its end it closes it and
// returns false.
func (j *Joined) advance(p *part) (bool, error) {
	err := p.frames.Next(&p.frame)
	if err == nil {
		return true, nil
	}
	defer p.closer.Close()
	if file, ok := p.frames.(remarker); ok {
		for _, text := range file.remarks() {
			j.said = append(j.said, p.name+": "+text)
		}
	}
	var damage *Damage
	switch {
	case err == io.EOF:
		return false, nil
	case errors.As(err, &damage):
		damage.Path = p.name
		if j.damaged != nil {
			j.damaged(damage)
		}
		return false, nil
	}
	return false, fmt.Errorf("%s: %w", p.name, err)
}

// Next is Frames's.
func (j *Joined) Next(f *Frame) error {
	if p := j.last; p != nil {
		j.last = nil
		if more, err := j.advance(p); err != nil {
			return err
		} else if !more {
			j.open = slices.DeleteFunc(j.open, func(q *part) bool { return q == p })
		}
	}
	next := j.earliest()
	for len(j.waiting) > 0 && (next == nil || !j.sequential && j.waiting[0].first <= next.frame.Time) {
		if len(j.open) == maxTogether {
			return fmt.Errorf("%s: more than %d captures at the same time: they are not one capture in parts; read them without joining", j.waiting[0].Name, maxTogether)
		}
		p, err := j.start(j.waiting[0].Source)
		if err != nil {
			return err
		}
		j.waiting = j.waiting[1:]
		if p != nil {
			j.open = append(j.open, p)
			next = j.earliest()
		}
	}
	if next == nil {
		return io.EOF
	}
	*f, j.last = next.frame, next
	return nil
}

// earliest returns the open capture with the earliest packet, nil where none is
// open. At one time it is the one that was opened first.
func (j *Joined) earliest() *part {
	var first *part
	for _, p := range j.open {
		if first == nil || p.frame.Time < first.frame.Time {
			first = p
		}
	}
	return first
}

// Close closes the captures that are open.
func (j *Joined) Close() error {
	var errs []error
	for _, p := range j.open {
		errs = append(errs, p.closer.Close())
	}
	j.open, j.last, j.waiting = nil, nil, nil
	return errors.Join(errs...)
}

func (j *Joined) remarks() []string { return j.said }
