package bench

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the result as a page of Markdown: where it was measured, and a table.
func (r *Result) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Speed, %s\n\n", r.Date.Format("2 January 2006"))
	fmt.Fprintf(&b, "%s; %s, %d cores, %s/%s. GoMLX %s, go-xla %s, %s.\n", r.Device, r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Arch,
		r.Versions["github.com/gomlx/gomlx"], r.Versions["github.com/gomlx/go-xla"], r.Versions["go"])
	if r.Peer != "" {
		fmt.Fprintf(&b, "Against %s, in turn, in the same run.\n", r.Peer)
	}
	b.WriteString("\nTimes are medians of calls after the first one, which compiles.\n\n")
	b.WriteString("| | first call | a call | rate | PyTorch, a call | ratio |\n|---|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		first, call, rate, peer, ratio := "", row.Reason, "", row.NoPeer, ""
		if t := row.Ours; t != nil {
			first, call = seconds(t.First), seconds(t.Median)
			rate = fmt.Sprintf("%.4g %s/s", row.Units/t.Median, plural(row.Unit))
		}
		if t := row.Peer; t != nil {
			peer = seconds(t.Median)
		}
		if x := row.Ratio(); x > 0 {
			ratio = fmt.Sprintf("%.2f", x)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", row.Name, first, call, rate, peer, ratio)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(unit string) string {
	if unit == "GFLOP" {
		return unit
	}
	return unit + "s"
}

// seconds is a time with three digits.
func seconds(s float64) string {
	switch {
	case s < 0.001:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g s", s)
}
