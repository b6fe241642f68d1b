package pytorch

import (
	"errors"
	"fmt"
)

// machine builds the value that a pickle describes. It has the opcodes of
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
