package traffic

import (
	"fmt"
	"math"
	"time"
)

// sense is what the numbers of a column of directions mean.
type sense uint8

const (
	senseUnknown sense = iota
	zeroOne            // 0 upstream, 1 downstream: MIRAGE's, and this library's
	plusMinus          // 1 upstream, -1 downstream: CESNET's, and that of website fingerprinting
)

// table makes flows of the rows of a table. A reader reads a row's packets as they
// stand, which are then raw: a length may be negative, Dir is the number in the
// column, from -1 to 1, and IAT is in the column's unit.
type table struct {
	schema
	directed bool // there is a column of directions
	timed    bool // there is a column of times

	directions directionCheck
}

// rawLength checks the number of a column of lengths.
func (t *table) rawLength(v float64) (int, error) {
	n, negative, err := length(v)
	switch {
	case err != nil:
		return 0, err
	case !negative:
		return n, nil
	case t.filled && n != 1:
		return 0, fmt.Errorf("payload length is %v, want one from 0, or -1 after the last packet", v)
	case t.directed && !t.filled:
		return 0, fmt.Errorf("payload length is %v beside a column of directions", v)
	}
	return -n, nil
}

// rawDirection checks the number of a column of directions.
func rawDirection(v float64) (Direction, error) {
	if v != 0 && v != 1 && v != -1 {
		return 0, fmt.Errorf("direction is %v, want 0 (upstream) or 1 (downstream), or 1 (upstream) and -1 (downstream)", v)
	}
	return Direction(v), nil
}

// needsSense reports whether rows must be looked at to find what the numbers of
// directions mean.
func (t *table) needsSense() bool { return t.directed && t.sense == senseUnknown }

// findSense looks at a row's packets, raw, and reports whether it found what the
// numbers of directions mean. Packets of 0 bytes, which may be padding, show
// nothing, and neither does 1.
func (t *table) findSense(packets []Packet) bool {
	for _, p := range packets {
		if p.Dir == -1 {
			t.sense = plusMinus
			return true
		}
		if p.Dir == 0 && p.Length != 0 {
			t.sense = zeroOne
			return true
		}
	}
	return false
}

// finish makes a row's raw packets the packets of a flow, in place.
func (t *table) finish(packets []Packet) ([]Packet, error) {
	if t.filled {
		var err error
		if packets, err = t.withoutFill(packets); err != nil {
			return packets, err
		}
	}
	signed, err := t.direct(packets)
	if err != nil {
		return packets, err
	}
	t.directions.add(t.directed, signed)
	if t.timed {
		return packets, t.setGaps(packets)
	}
	return packets, nil
}

// withoutFill cuts off the packets of length -1 that fill a row.
func (t *table) withoutFill(packets []Packet) ([]Packet, error) {
	n := len(packets)
	for n > 0 && packets[n-1].Length == -1 {
		n--
	}
	for i, p := range packets[:n] {
		if p.Length < 0 || t.directed && p.Dir < 0 {
			return packets, fmt.Errorf("packet %d is -1 and others follow it", i)
		}
	}
	return packets[:n], nil
}

// direct replaces raw directions, or the signs of lengths, by directions. It
// reports whether a length had a sign.
func (t *table) direct(packets []Packet) (signed bool, err error) {
	for i := range packets {
		p := &packets[i]
		switch {
		case !t.directed && p.Length < 0:
			p.Length, p.Dir, signed = -p.Length, Up, true
		case !t.directed && p.Length > 0:
			p.Dir = Down
		case !t.directed:
		case t.sense != plusMinus && p.Dir == -1:
			return signed, fmt.Errorf("direction is -1 at packet %d, in a table whose directions are 0 (upstream) and 1 (downstream)", i)
		case t.sense != plusMinus:
		case p.Dir == -1:
			p.Dir = Down
		case p.Dir == 1 || p.Length == 0:
			p.Dir = Up
		default:
			return signed, fmt.Errorf("direction is 0 at packet %d, in a table whose directions are 1 (upstream) and -1 (downstream)", i)
		}
	}
	return signed, nil
}

// setGaps makes times microseconds since the packet before.
func (t *table) setGaps(packets []Packet) error {
	if t.cumulative {
		for i := len(packets) - 1; i > 0; i-- {
			packets[i].IAT -= packets[i-1].IAT
		}
		if len(packets) > 0 {
			packets[0].IAT = 0
		}
	}
	for i := range packets {
		if t.IATUnit != time.Microsecond {
			packets[i].IAT *= float64(t.IATUnit) / float64(time.Microsecond)
		}
		if v := packets[i].IAT; math.IsInf(v, 0) || math.IsNaN(v) {
			return fmt.Errorf("inter-arrival time %v at packet %d", v, i)
		}
	}
	return nil
}

// The lists of a nested table, in their order. Others follow: CESNET's TCP push
// flags.
const (
	nestedTimes = iota
	nestedDirs
	nestedLengths
	nestedLists
)

// unnest makes raw packets of the lists of a nested table's row.
func (t *table) unnest(lists [][]float64, packets []Packet) ([]Packet, error) {
	packets = packets[:0]
	if len(lists) == 0 {
		return packets, nil
	}
	if len(lists) < nestedLists {
		return packets, fmt.Errorf("%d lists in the list, want times, directions and lengths", len(lists))
	}
	lengths, dirs, times := lists[nestedLengths], lists[nestedDirs], lists[nestedTimes]
	if len(dirs) != len(lengths) || len(times) != len(lengths) {
		return packets, fmt.Errorf("%d times, %d directions and %d lengths in the list", len(times), len(dirs), len(lengths))
	}
	for i, v := range lengths {
		length, err := t.rawLength(v)
		if err != nil {
			return packets, fmt.Errorf("packet %d: %w", i, err)
		}
		dir, err := rawDirection(dirs[i])
		if err != nil {
			return packets, fmt.Errorf("packet %d: %w", i, err)
		}
		packets = append(packets, Packet{Length: length, Dir: dir, IAT: times[i]})
	}
	n := len(packets)
	for n > 0 && packets[n-1].Dir == 0 && packets[n-1].Length == 0 { // padding
		n--
	}
	return packets[:n], nil
}
