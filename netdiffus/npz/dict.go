package npz

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// dict is the dictionary of a .npy header.
type dict struct {
	descr   string
	fortran bool
	shape   []int
}

// parseDict reads a header's dictionary, a Python literal such as
//
//	{'descr': '<f8', 'fortran_order': False, 'shape': (10, 10), }
//
// with its keys in any order and any blanks between its parts.
func parseDict(text string) (dict, error) {
	p := parser{rest: text}
	var d dict
	seen := map[string]bool{}
	p.want("{")
	for p.err == nil && !p.take("}") {
		key := p.quoted()
		p.want(":")
		if seen[key] {
			p.fail("key %q comes twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.at("[") {
				p.fail("a structured array: want plain numbers")
			}
			d.descr = p.quoted()
		case "fortran_order":
			d.fortran = p.boolean()
		case "shape":
			d.shape = p.tuple()
		default:
			p.fail("key %q is not known", key)
		}
		if !p.take(",") && !p.at("}") {
			p.fail("want , or } at %.20q", p.rest)
		}
	}
	if p.err == nil && strings.Trim(p.rest, " \n\x00") != "" {
		p.fail("text after the dictionary: %.20q", p.rest)
	}
	if p.err == nil && len(seen) != 3 {
		p.err = errors.New("want the keys descr, fortran_order and shape")
	}
	if p.err != nil {
		return dict{}, fmt.Errorf("header: %w", p.err)
	}
	return d, nil
}

// parser reads the front of rest. After a failure it goes on harmlessly; err
// keeps the first.
type parser struct {
	rest string
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) at(s string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	return strings.HasPrefix(p.rest, s)
}

func (p *parser) take(s string) bool {
	if !p.at(s) {
		return false
	}
	p.rest = p.rest[len(s):]
	return true
}

func (p *parser) want(s string) {
	if !p.take(s) {
		p.fail("want %s at %.20q", s, p.rest)
	}
}

// quoted reads a string in single or double quotes, without escapes.
func (p *parser) quoted() string {
	for _, quote := range []string{"'", `"`} {
		if p.take(quote) {
			s, rest, closed := strings.Cut(p.rest, quote)
			if !closed {
				p.fail("a string without an end")
			}
			p.rest = rest
			return s
		}
	}
	p.fail("want a string at %.20q", p.rest)
	return ""
}

func (p *parser) boolean() bool {
	if p.take("True") {
		return true
	}
	if !p.take("False") {
		p.fail("want True or False at %.20q", p.rest)
	}
	return false
}

// tuple reads whole numbers in brackets. Python 2 wrote them as 10L.
func (p *parser) tuple() []int {
	var sizes []int
	comma := false
	p.want("(")
	for p.err == nil && !p.take(")") {
		if len(sizes) == arrays.MaxDims {
			p.fail("more than %d dimensions", arrays.MaxDims)
			break
		}
		p.at("")
		end := 0
		for end < len(p.rest) && (p.rest[end] == '-' || p.rest[end] >= '0' && p.rest[end] <= '9') {
			end++
		}
		size, err := strconv.Atoi(p.rest[:end])
		if err != nil {
			p.fail("want a size at %.20q", p.rest)
			break
		}
		sizes = append(sizes, size)
		p.rest = strings.TrimPrefix(p.rest[end:], "L")
		if comma = p.take(","); !comma && !p.at(")") {
			p.fail("want , or ) at %.20q", p.rest)
		}
	}
	if len(sizes) == 1 && !comma { // (3,) is a tuple, (3) is not
		p.fail("want a tuple of sizes, not a number in brackets")
	}
	return sizes
}
