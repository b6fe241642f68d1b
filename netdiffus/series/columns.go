package series

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// Columns names the columns of tables and the members of objects in JSON Lines.
// What is left empty is found. Names are compared without regard to case.
type Columns struct {
	// Series names the channels' columns: lists, columns of a number each, or the start
	// of NAME_0, NAME_1, …; "*" stands for any text, so that bytes_* are the columns
	// of a channel (of one each, where their names but for the number differ). None
	// takes all columns of lists or all NAME_0, NAME_1, …, and of tables of a row a bin
	// all columns of numbers.
	Series []string

	Label string // "" means label or class
	Trace string // names a window's trace, or a bin's series; "" means trace, trace_id or session
	Time  string // of tables of a row a bin; "" means time, timestamp, seconds, t or bin
	Step  string // of tables of a row a series, in seconds; "" means step
	Start string // of the same, RFC 3339; "" means start

	TimeUnit time.Duration // of Time, where it holds numbers; 0 means a second
}

// ErrNoColumn is wrapped by the errors of a table without a column of numbers that is
// needed, or that Columns names.
var ErrNoColumn = errors.New("no column")

// roles are the columns of a table, as indices; -1: none.
type roles struct {
	names                           []string
	label, trace, time, step, start int
}

// findRoles finds the columns that hold no values.
func (c Columns) findRoles(names []string) (r roles, err error) {
	find := func(given string, usual ...string) int {
		if given != "" {
			i := tables.Column(names, given)
			if i < 0 {
				err = cmp.Or(err, fmt.Errorf("%w %s: there are %s", ErrNoColumn, given, tables.SomeNames(names)))
			}
			return i
		}
		for _, name := range usual {
			if i := tables.Column(names, name); i >= 0 {
				return i
			}
		}
		return -1
	}
	r = roles{
		names: names,
		label: find(c.Label, "label", "class"), trace: find(c.Trace, "trace", "trace_id", "session"),
		time: find(c.Time, "time", "timestamp", "seconds", "t", "bin"),
		step: find(c.Step, "step"), start: find(c.Start, "start"),
	}
	return r, err
}

// taken reports whether the column holds no values of a channel.
func (r roles) taken(i int) bool {
	return i == r.label || i == r.trace || i == r.time || i == r.step || i == r.start
}

// channel is the columns of one channel: one of lists or of a number a row, or one a
// bin.
type channel struct {
	name    string
	columns []int
}

// findChannels finds the channels that c.Series names, or all that have numbered
// columns. single reports whether column i can hold a channel alone.
func (c Columns) findChannels(r roles, single func(i int) bool) (channels []channel, err error) {
	if len(c.Series) == 0 {
		if channels = groups(r, func(int) bool { return true }); len(channels) > 0 {
			return channels, nil
		}
		for i, name := range r.names {
			if !r.taken(i) && single(i) {
				channels = append(channels, channel{strings.TrimSpace(name), []int{i}})
			}
		}
		return channels, nil
	}
	for _, pattern := range c.Series {
		found, err := c.named(r, pattern)
		if err != nil {
			return nil, err
		}
		channels = append(channels, found...)
	}
	return channels, nil
}

// named finds the channels of one pattern.
func (c Columns) named(r roles, pattern string) ([]channel, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		if i := tables.Column(r.names, pattern); i >= 0 {
			return []channel{{pattern, []int{i}}}, nil
		}
		if columns := tables.Numbered(r.names, pattern); len(columns) > 0 {
			return []channel{{pattern, columns}}, nil
		}
	}
	var matched []int
	for i, name := range r.names {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(strings.TrimSpace(name)))
		if err != nil {
			return nil, fmt.Errorf("the pattern %q of columns: %w", pattern, err)
		}
		if ok && !r.taken(i) {
			matched = append(matched, i)
		}
	}
	if len(matched) == 0 {
		return nil, fmt.Errorf("%w %s: there are %s", ErrNoColumn, pattern, tables.SomeNames(r.names))
	}
	if of := groups(r, func(i int) bool { return slices.Contains(matched, i) }); len(of) > 0 {
		n := 0
		for _, channel := range of {
			n += len(channel.columns)
		}
		if n == len(matched) {
			return of, nil
		}
	}
	name := strings.Trim(strings.NewReplacer("*", "", "?", "").Replace(pattern), "_.-[] ")
	return []channel{{cmp.Or(name, "value"), matched}}, nil
}

// groups puts columns NAME_0, NAME_1, … together, two or more of consecutive numbers
// from 0 or 1, in the order of their first ones.
func groups(r roles, take func(i int) bool) (channels []channel) {
	byName := map[string]int{}
	numbers := map[int]int{}
	for i, full := range r.names {
		name, number, ok := numbered(full)
		if !ok || r.taken(i) || !take(i) {
			continue
		}
		at, known := byName[name]
		if !known {
			at = len(channels)
			byName[name] = at
			channels = append(channels, channel{name: cmp.Or(name, "value")})
		}
		numbers[i] = number
		channels[at].columns = append(channels[at].columns, i)
	}
	return slices.DeleteFunc(channels, func(c channel) bool {
		slices.SortStableFunc(c.columns, func(a, b int) int { return cmp.Compare(numbers[a], numbers[b]) })
		first := numbers[c.columns[0]]
		for at, i := range c.columns {
			if numbers[i] != first+at {
				return true
			}
		}
		return len(c.columns) < 2 || first > 1
	})
}

// numbered splits NAME_3 into NAME and 3.
func numbered(full string) (name string, number int, ok bool) {
	full = strings.TrimRight(strings.TrimSpace(full), "]")
	digits := len(full)
	for digits > 0 && full[digits-1] >= '0' && full[digits-1] <= '9' {
		digits--
	}
	n, err := strconv.ParseUint(full[digits:], 10, 31)
	return strings.Trim(full[:digits], "_.-[ "), int(n), err == nil
}

// channelNames are the channels' names.
func channelNames(channels []channel) []string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = c.name
	}
	return names
}

// bins reports channels of different numbers of columns.
func checkWidths(channels []channel) error {
	for _, c := range channels[1:] {
		if len(c.columns) != len(channels[0].columns) {
			return fmt.Errorf("%d columns of %s, %d of %s: want as many", len(channels[0].columns), channels[0].name, len(c.columns), c.name)
		}
	}
	if n := len(channels[0].columns); n > MaxBins {
		return fmt.Errorf("%d columns of %s, want at most %d bins", n, channels[0].name, MaxBins)
	}
	return nil
}

// noChannels is the error of a table without channels.
func noChannels(names []string) error {
	return fmt.Errorf("%w of numbers, such as bytes_0, bytes_1, …, or of lists of them: there are %s; name the columns", ErrNoColumn, tables.SomeNames(names))
}

// parseStart reads a moment.
func parseStart(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time: want one as 2006-01-02T15:04:05Z", text)
}

// stepOf makes a step of seconds.
func stepOf(seconds float64) (time.Duration, error) {
	if !(seconds > 0 && seconds < 1e9) {
		return 0, fmt.Errorf("a step of %v seconds, want one above 0", seconds)
	}
	step := time.Duration(seconds*1e9 + 0.5)
	if step == 0 {
		return 0, fmt.Errorf("a step of %v seconds, want a nanosecond at least", seconds)
	}
	return step, nil
}
