package pytorch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

func (m *machine) push(v any) error {
	if len(m.stack) == cap(m.stack) {
		if err := m.mem.spend(int64(2*cap(m.stack)+8) * 16); err != nil {
			return err
		}
	}
	m.stack = append(m.stack, v)
	cost := int64(costBox)
	switch v := v.(type) {
	case nil, bool:
		return nil
	case *Dict, *View:
		cost = costDict
	case Tuple:
		cost = costBox + int64(len(v))*costSlot/2
	}
	return m.mem.spend(cost)
}

// floor is the height of the stack that the innermost mark leaves alone.
func (m *machine) floor() int {
	if n := len(m.marks); n > 0 {
		return m.marks[n-1]
	}
	return 0
}

func (m *machine) top() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, errStack
	}
	return m.stack[len(m.stack)-1], nil
}

func (m *machine) pop() (any, error) {
	top, err := m.top()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return top, err
}

// popN pops the last n values, in the order they were pushed.
func (m *machine) popN(n int) ([]any, error) {
	from := len(m.stack) - n
	if from < m.floor() {
		return nil, errStack
	}
	items := append([]any(nil), m.stack[from:]...)
	m.stack = m.stack[:from]
	return items, m.mem.spend(int64(n) * 16)
}

// popMark pops what was pushed since the innermost mark, and the mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("the pickle goes back to a mark that is not there")
	}
	items, err := m.popN(len(m.stack) - m.floor())
	m.marks = m.marks[:len(m.marks)-1]
	return items, err
}

// take returns the next n bytes, not copied.
func (m *machine) take(n int) ([]byte, error) {
	if n > len(m.data)-m.pos {
		return nil, fmt.Errorf("the pickle ends too soon: %w", io.ErrUnexpectedEOF)
	}
	b := m.data[m.pos : m.pos+n]
	m.pos += n
	return b, nil
}

// counted returns the bytes after a length of so many bytes.
func (m *machine) counted(width int) ([]byte, error) {
	b, err := m.take(width)
	if err != nil {
		return nil, err
	}
	n := littleEndian(b)
	if n > uint64(len(m.data)-m.pos) {
		return nil, fmt.Errorf("the pickle ends too soon: %d bytes should follow: %w", n, io.ErrUnexpectedEOF)
	}
	return m.take(int(n))
}

// line returns the bytes up to a line feed, which it skips.
func (m *machine) line() ([]byte, error) {
	n := bytes.IndexByte(m.data[m.pos:], '\n')
	if n < 0 {
		return nil, fmt.Errorf("the pickle ends too soon: %w", io.ErrUnexpectedEOF)
	}
	b, _ := m.take(n + 1)
	return b[:n], m.mem.spend(int64(n))
}

// littleEndian reads up to eight bytes.
func littleEndian(b []byte) uint64 {
	var n uint64
	for i, v := range b {
		n |= uint64(v) << (8 * i)
	}
	return n
}
