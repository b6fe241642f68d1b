package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a long job is: as one bar that moves on a terminal,
// as a plain line every now and then in a pipe or a log. It writes to stderr
// by way of the command, never to stdout, which is for results.
type progress struct {
	w     io.Writer
	what  string // what is counted: "step", "sample"
	total int
	bar   *progressbar.ProgressBar // nil where lines are written
	every time.Duration            // between two lines
	start time.Time
	first int       // done when the clock started
	last  time.Time // of the last line
}

// newProgress starts the clock for total things named what. total 0 or less
// means that the total is unknown.
func newProgress(w io.Writer, what string, total int) *progress {
	p := &progress{w: w, what: what, total: total, every: 5 * time.Second}
	p.restart(0)
	if isTerminal(w) {
		p.bar = progressbar.NewOptions(max(total, -1),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(28),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(total > 0),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// restart starts the clock anew with done things done, so that what came
// before (a compilation, the steps of an earlier run) does not count in the
// time that is left.
func (p *progress) restart(done int) {
	p.start, p.last, p.first = time.Now(), time.Now(), done
}

// note writes a line beside the bar: "compiling".
func (p *progress) note(line string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.w, line)
}

// set shows that done things are done; detail is shown behind, such as
// "loss 0.123".
func (p *progress) set(done int, detail string) {
	if p.bar != nil {
		p.bar.Describe(strings.TrimSpace(p.what + " " + detail))
		_ = p.bar.Set(done)
		return
	}
	if now := time.Now(); now.Sub(p.last) >= p.every || done == p.total {
		p.last = now
		fmt.Fprintln(p.w, p.line(done, now, detail))
	}
}

// line is one plain line: "step 120/2000  loss 0.123  2m10s left".
func (p *progress) line(done int, now time.Time, detail string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", p.what, done)
	if p.total > 0 {
		fmt.Fprintf(&b, "/%d", p.total)
	}
	if detail != "" {
		b.WriteString("  " + detail)
	}
	if fresh := done - p.first; p.total > done && fresh > 0 {
		left := now.Sub(p.start) / time.Duration(fresh) * time.Duration(p.total-done)
		fmt.Fprintf(&b, "  %v left", left.Round(time.Second))
	}
	return b.String()
}

// finish removes the bar.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
