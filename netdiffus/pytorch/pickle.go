package pytorch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// machine builds the value that a pickle describes. It knows the opcodes of
// protocols 0 to 5 (Python's Lib/pickletools.py describes them) as far as data
// are made of them; those that would call, import or construct anything go
// through the allow-list in globals.go.
type machine struct {
	data  []byte
	pos   int
	stack []any
	marks []int // heights of the stack
	memo  []any
	more  map[int]any // entries of the memo beyond its end
	mem   *budget
	// persistent resolves a persistent id, which in a checkpoint is a storage.
	persistent func(id any) (any, error)
}

// What reading takes, bytes, upper bounds on a 64-bit machine with the garbage
// that growing slices leaves.
const (
	costSlot = 40  // an element of a slice of any
	costItem = 200 // an entry of a Dict
	costDict = 64
	costBox  = 32 // a number or the head of a string
)

// run reads one pickle from m.pos on and returns its value.
func (m *machine) run() (any, error) {
	m.stack, m.marks, m.memo, m.more = nil, nil, nil, nil
	for {
		at := m.pos
		done, err := m.step()
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
		if done {
			value, err := m.pop()
			if err != nil {
				return nil, fmt.Errorf("byte %d: %w", at, err)
			}
			return value, nil
		}
	}
}

var errStack = errors.New("the pickle takes from an empty stack")

// step executes one opcode; done is true after STOP.
func (m *machine) step() (done bool, err error) {
	op, err := m.take(1)
	if err != nil {
		return false, err
	}
	switch op[0] {
	case '.':
		return true, nil
	case 0x80: // PROTO
		version, err := m.take(1)
		if err == nil && version[0] > 5 {
			err = fmt.Errorf("pickle protocol %d, known are 0 to 5", version[0])
		}
		return false, err
	case 0x95: // FRAME
		_, err := m.take(8)
		return false, err
	case '(': // MARK
		m.marks = append(m.marks, len(m.stack))
		return false, m.mem.spend(costSlot)
	case '0': // POP
		if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
			m.marks = m.marks[:n-1]
			return false, nil
		}
		_, err := m.pop()
		return false, err
	case '1': // POP_MARK
		_, err := m.popMark()
		return false, err
	case '2': // DUP
		top, err := m.top()
		if err != nil {
			return false, err
		}
		return false, m.push(top)
	}
	known, err := m.number(op[0])
	if !known {
		known, err = m.text(op[0])
	}
	if !known {
		known, err = m.container(op[0])
	}
	if !known {
		known, err = m.remember(op[0])
	}
	if !known {
		known, err = m.object(op[0])
	}
	if !known {
		err = fmt.Errorf("opcode 0x%02x is not one of a checkpoint's", op[0])
	}
	return false, err
}

// widths are the bytes that an opcode's argument has, or the length of its
// argument; 0 means that it is text up to a line feed.
var widths = map[byte]int{
	'K': 1, 'M': 2, 'J': 4, // BININT1, BININT2, BININT
	0x8a: 1, 0x8b: 4, // LONG1, LONG4
	'X': 4, 0x8c: 1, 0x8d: 8, // BINUNICODE, SHORT_, …8
	'T': 4, 'U': 1, // BINSTRING, SHORT_: a str of Python 2
	'B': 4, 'C': 1, 0x8e: 8, 0x96: 8, // BINBYTES, SHORT_, …8, BYTEARRAY8
	'q': 1, 'r': 4, 'p': 0, // BINPUT, LONG_, PUT
	'h': 1, 'j': 4, 'g': 0, // BINGET, LONG_, GET
}

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
	return strconv.ParseInt(s, 10, 64)
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

// container executes the opcodes that make and fill tuples, lists, dicts and
// sets.
func (m *machine) container(op byte) (bool, error) {
	switch op {
	case ')':
		return true, m.push(Tuple(nil))
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		return true, m.tuple(int(op) - 0x84)
	case 't', 'l', 'd', 0x91: // TUPLE, LIST, DICT, FROZENSET
		items, err := m.popMark()
		if err != nil {
			return true, err
		}
		switch op {
		case 't':
			return true, m.push(Tuple(items))
		case 'd':
			d := &Dict{}
			if err := m.setItems(d, items); err != nil {
				return true, err
			}
			return true, m.push(d)
		}
		return true, m.push(&List{Items: items})
	case ']', 0x8f: // EMPTY_LIST, EMPTY_SET
		return true, m.push(&List{})
	case '}':
		return true, m.push(&Dict{})
	case 'a': // APPEND
		value, err := m.pop()
		if err != nil {
			return true, err
		}
		return true, m.extend([]any{value})
	case 'e', 0x90: // APPENDS, ADDITEMS
		items, err := m.popMark()
		if err != nil {
			return true, err
		}
		return true, m.extend(items)
	case 's', 'u': // SETITEM, SETITEMS
		items, err := m.pairs(op == 'u')
		if err != nil {
			return true, err
		}
		top, err := m.top()
		if err != nil {
			return true, err
		}
		d, ok := top.(*Dict)
		if !ok {
			return true, fmt.Errorf("an entry for a %s, want a dict", kindOf(top))
		}
		return true, m.setItems(d, items)
	}
	return false, nil
}

func (m *machine) tuple(n int) error {
	items, err := m.popN(n)
	if err != nil {
		return err
	}
	return m.push(Tuple(items))
}

// pairs pops a key and a value, or all since the mark.
func (m *machine) pairs(all bool) ([]any, error) {
	if all {
		return m.popMark()
	}
	return m.popN(2)
}

func (m *machine) setItems(d *Dict, items []any) error {
	if len(items)%2 != 0 {
		return errors.New("a dict's key without a value")
	}
	if err := m.mem.spend(int64(len(items)/2) * costItem); err != nil {
		return err
	}
	for i := 0; i < len(items); i += 2 {
		d.Set(items[i], items[i+1])
	}
	return nil
}

func (m *machine) extend(items []any) error {
	top, err := m.top()
	if err != nil {
		return err
	}
	l, ok := top.(*List)
	if !ok {
		return fmt.Errorf("an element for a %s, want a list", kindOf(top))
	}
	l.Items = append(l.Items, items...)
	return m.mem.spend(int64(len(items)) * costSlot)
}

// remember executes the opcodes of the memo.
func (m *machine) remember(op byte) (bool, error) {
	switch op {
	case 0x94: // MEMOIZE
		return true, m.put(len(m.memo))
	case 'q', 'r', 'p', 'h', 'j', 'g':
	default:
		return false, nil
	}
	i, err := m.memoIndex(widths[op])
	if err != nil {
		return true, err
	}
	switch op {
	case 'q', 'r', 'p':
		return true, m.put(i)
	}
	value, ok := m.more[i]
	if i < len(m.memo) {
		value, ok = m.memo[i], true
	}
	if !ok {
		return true, fmt.Errorf("memo %d is not there", i)
	}
	return true, m.push(value)
}

// memoIndex reads a place in the memo.
func (m *machine) memoIndex(width int) (int, error) {
	if width > 0 {
		b, err := m.take(width)
		return int(littleEndian(b)), err
	}
	line, err := m.line()
	if err != nil {
		return 0, err
	}
	i, err := strconv.Atoi(string(line))
	if err != nil || i < 0 {
		return 0, fmt.Errorf("memo %.20q", line)
	}
	return i, nil
}

// put keeps the top of the stack as the memo's i. Python numbers the memo
// without holes; others go to a map.
func (m *machine) put(i int) error {
	top, err := m.top()
	if err != nil {
		return err
	}
	switch {
	case i < len(m.memo):
		m.memo[i] = top
		return nil
	case i == len(m.memo):
		m.memo = append(m.memo, top)
		return m.mem.spend(costSlot)
	}
	if m.more == nil {
		m.more = map[int]any{}
	}
	m.more[i] = top
	return m.mem.spend(costItem)
}

// object executes the opcodes that name globals and call them.
func (m *machine) object(op byte) (bool, error) {
	switch op {
	case 'c': // GLOBAL
		module, err := m.line()
		if err != nil {
			return true, err
		}
		name, err := m.line()
		if err != nil {
			return true, err
		}
		return true, m.global(string(module), string(name))
	case 0x93: // STACK_GLOBAL
		names, err := m.popN(2)
		if err != nil {
			return true, err
		}
		module, ok1 := names[0].(string)
		name, ok2 := names[1].(string)
		if !ok1 || !ok2 {
			return true, errors.New("a global that is not named by strings")
		}
		return true, m.global(module, name)
	case 'R', 0x81: // REDUCE, NEWOBJ
		both, err := m.popN(2)
		if err != nil {
			return true, err
		}
		value, err := m.call(both[0], both[1])
		if err != nil {
			return true, err
		}
		return true, m.push(value)
	case 'b': // BUILD
		state, err := m.pop()
		if err != nil {
			return true, err
		}
		top, err := m.top()
		if err != nil {
			return true, err
		}
		return true, m.build(top, state)
	case 'Q': // BINPERSID
		id, err := m.pop()
		if err != nil {
			return true, err
		}
		if m.persistent == nil {
			return true, errors.New("a persistent id outside the checkpoint's own pickle")
		}
		value, err := m.persistent(id)
		if err != nil {
			return true, err
		}
		return true, m.push(value)
	}
	return false, nil
}

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
		return nil, fmt.Errorf("the pickle ends too soon: %d bytes are said to follow: %w", n, io.ErrUnexpectedEOF)
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

// kindOf names a value's kind in errors.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64, long:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case *Dict:
		return "dict"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *View, Tensor:
		return "tensor"
	case *storage:
		return "storage"
	case global:
		return v.String()
	}
	return fmt.Sprintf("%T", v)
}
