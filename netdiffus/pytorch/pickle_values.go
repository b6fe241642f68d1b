package pytorch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// number executes the opcodes that push None, booleans and numbers.
func (m *machine) number(op byte) (bool, error) {
	switch op {
	case 'N':
		return true, m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return true, m.push(op == 0x88)
	case 'K', 'M', 'J': // BININT1, BININT2, BININT
		b, err := m.take(widths[op])
		if err != nil {
			return true, err
		}
		n := int64(littleEndian(b))
		if op == 'J' {
			n = int64(int32(n))
		}
		return true, m.push(n)
	case 0x8a, 0x8b: // LONG1, LONG4
		b, err := m.counted(widths[op])
		if err != nil {
			return true, err
		}
		return true, m.push(integer(b))
	case 'G': // BINFLOAT
		b, err := m.take(8)
		if err != nil {
			return true, err
		}
		return true, m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 'I', 'L', 'F': // INT, LONG, FLOAT, as text
		line, err := m.line()
		if err != nil {
			return true, err
		}
		value, err := fromText(op, string(line))
		if err != nil {
			return true, err
		}
		return true, m.push(value)
	}
	return false, nil
}

// long is an integer that int64 does not hold, two's complement, little-endian.
type long string

// integer is the value of a LONG's bytes.
func integer(b []byte) any {
	if len(b) > 8 {
		return long(b)
	}
	n := littleEndian(b)
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		n |= ^uint64(0) << (8 * len(b)) // shifts of 64 and more give 0
	}
	return int64(n)
}

func fromText(op byte, s string) (any, error) {
	switch {
	case op == 'F':
		return strconv.ParseFloat(s, 64)
	case op == 'I' && s == "00":
		return false, nil
	case op == 'I' && s == "01":
		return true, nil
	case op == 'L' && len(s) > 0 && s[len(s)-1] == 'L':
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.80q is no whole number of 64 bits", s)
	}
	return n, nil
}

// text executes the opcodes that push strings and bytes.
func (m *machine) text(op byte) (bool, error) {
	switch op {
	case 'V': // UNICODE, as text
		line, err := m.line()
		if err != nil {
			return true, err
		}
		return true, m.push(string(line))
	case 'X', 0x8c, 0x8d, 'T', 'U', 'B', 'C', 0x8e, 0x96:
	default:
		return false, nil
	}
	b, err := m.counted(widths[op])
	if err != nil {
		return true, err
	}
	if err := m.mem.spend(int64(len(b))); err != nil {
		return true, err
	}
	switch op {
	case 'B', 'C', 0x8e, 0x96:
		return true, m.push(bytes.Clone(b))
	}
	return true, m.push(string(b))
}
