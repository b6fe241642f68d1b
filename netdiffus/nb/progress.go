package nb

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Progress is a line of text that shows how far the cell is. It is rewritten in place,
// at most twice a second. When the cell ends, the notebook holds its last state,
// without times, so that it is the same in each run.
//
//	progress := nb.NewProgress("drawing", 0)
//	defer progress.Close()
//	set, err := generator.Draw(nb.Context(), sample.Request{N: 64, Progress: progress.Update, Status: progress.Note})
type Progress struct {
	what  string
	total int
	place *place

	mu    sync.Mutex
	done  int
	note  string
	begun time.Time
}

// NewProgress returns a progress line. total is the number of steps, or 0 if it is not
// known yet.
func NewProgress(what string, total int) *Progress {
	p := &Progress{what: what, total: total, begun: time.Now()}
	p.place = newPlace(2*livePause, p.draw)
	Must(p.place.changed())
	return p
}

// Set sets the number of completed steps.
func (p *Progress) Set(done int) {
	p.mu.Lock()
	p.done, p.note = done, ""
	p.mu.Unlock()
	Must(p.place.changed())
}

// Update sets the number of completed steps and the total. Many functions of the
// library take it as their Progress.
func (p *Progress) Update(done, total int) {
	p.mu.Lock()
	p.done, p.total, p.note = done, total, ""
	p.mu.Unlock()
	Must(p.place.changed())
}

// Note shows a few words, such as "compiling", while no step completes. Many functions
// of the library take it as their Status. The next step removes it.
func (p *Progress) Note(note string) {
	p.mu.Lock()
	p.note = note
	p.mu.Unlock()
	Must(p.place.noted())
}

// Close shows the last state.
func (p *Progress) Close() { Must(p.place.close()) }

func (p *Progress) draw(last bool) (bundle, bool, error) {
	return bundle{data: map[protocol.MIMEType]any{protocol.MIMETextPlain: p.line(last, time.Now())}}, true, nil
}

// line returns the state as text: "drawing  ████░░░░  400 of 1,000, 6 s left".
func (p *Progress) line(last bool, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	b.WriteString(p.what)
	if p.total > 0 {
		const width = 20
		full := min(max(p.done, 0), p.total) * width / p.total
		fmt.Fprintf(&b, "  %s%s  %s of %s", strings.Repeat("█", full), strings.Repeat("░", width-full), grouped(p.done), grouped(p.total))
	} else {
		fmt.Fprintf(&b, "  %s", grouped(p.done))
	}
	if last {
		return b.String()
	}
	if elapsed := now.Sub(p.begun); p.total > p.done && p.done > 0 && elapsed > 2*time.Second {
		left := time.Duration(float64(elapsed) / float64(p.done) * float64(p.total-p.done))
		fmt.Fprintf(&b, ", %s left", left.Round(time.Second))
	}
	if p.note != "" {
		fmt.Fprintf(&b, ", %s", p.note)
	}
	return b.String()
}

// grouped returns n with thousands separators, as in 13,043.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
