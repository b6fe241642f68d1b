package pytorch

import (
	"errors"
	"fmt"
	"strconv"
)

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
