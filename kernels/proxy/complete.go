package proxy

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"
)

// completeness is the content of an is_complete_reply: whether a cell can run as it
// is or needs more lines.
type completeness struct {
	Status string `json:"status"` // complete, incomplete or invalid
	Indent string `json:"indent,omitempty"`
}

// isComplete reads a cell as GoNB does: special lines, declarations and, after a line
// "%%", the body of main.
func isComplete(code string) completeness {
	lines := strings.Split(code, "\n")
	if strings.HasPrefix(trimComment(lines[0]), "%%") && !isMain(lines[0]) {
		// Text for another program: it ends with an empty line.
		if len(lines) > 1 && strings.TrimSpace(lines[len(lines)-1]) == "" {
			return completeness{Status: "complete"}
		}
		return completeness{Status: "incomplete"}
	}
	goes, main, open := goLines(lines)
	if open {
		return completeness{Status: "incomplete"}
	}
	text := strings.Join(goes, "\n")
	if c, sure := scan(text); sure {
		return c
	}
	if parses(goes, main) {
		return completeness{Status: "complete"}
	}
	return completeness{Status: "invalid"}
}

// goLines returns the lines with those emptied that are not Go. main is the index of
// the line "%%", which statements follow, or -1. open reports whether the last
// special line continues.
func goLines(lines []string) (goes []string, main int, open bool) {
	main = -1
	for i, line := range lines {
		special := trimComment(line)
		if open || strings.HasPrefix(special, "%") || strings.HasPrefix(special, "!") {
			if !open && isMain(line) {
				main = i
			}
			open = strings.HasSuffix(special, `\`)
			line = ""
		}
		goes = append(goes, line)
	}
	return goes, main, open
}

// trimComment removes what hides special lines from Go tools.
func trimComment(line string) string { return strings.TrimPrefix(line, "//gonb:") }

// isMain reports whether line begins the body of main.
func isMain(line string) bool {
	words := strings.Fields(trimComment(line))
	return len(words) > 0 && (words[0] == "%%" || words[0] == "%main")
}

// scan reads the tokens of text. A bracket or comment that is open at the end makes
// it incomplete. If sure is false, only a parser can decide.
func scan(text string) (c completeness, sure bool) {
	var s scanner.Scanner
	broken, unfinished := false, false
	file := token.NewFileSet().AddFile("", -1, len(text))
	s.Init(file, []byte(text), func(_ token.Position, message string) {
		switch message {
		case "comment not terminated", "raw string literal not terminated":
			unfinished = true
		default:
			broken = true
		}
	}, 0)
	var open []token.Token
	last := token.SEMICOLON
	for {
		_, t, _ := s.Scan()
		if t == token.EOF {
			break
		}
		last = t
		switch t {
		case token.LPAREN, token.LBRACK, token.LBRACE:
			open = append(open, t)
		case token.RPAREN, token.RBRACK, token.RBRACE:
			if len(open) == 0 || open[len(open)-1] != opening[t] {
				return completeness{Status: "invalid"}, true
			}
			open = open[:len(open)-1]
		}
	}
	switch {
	case unfinished:
		return completeness{Status: "incomplete"}, true
	case broken:
		return completeness{Status: "invalid"}, true
	case len(open) > 0:
		return completeness{Status: "incomplete", Indent: strings.Repeat("\t", len(open))}, true
	case last != token.SEMICOLON: // an operator, a comma, a keyword
		return completeness{Status: "incomplete", Indent: "\t"}, true
	}
	return completeness{}, false
}

var opening = map[token.Token]token.Token{token.RPAREN: token.LPAREN, token.RBRACK: token.LBRACK, token.RBRACE: token.LBRACE}

// parses reports whether the lines are declarations and, below line main, statements.
func parses(lines []string, main int) bool {
	declarations, statements := lines, []string(nil)
	if main >= 0 {
		declarations, statements = lines[:main], lines[main+1:]
	}
	return parseFile(strings.Join(declarations, "\n")) && parseFile("func _() {\n"+strings.Join(statements, "\n")+"\n}")
}

func parseFile(text string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution)
	return err == nil && f.Name.Name == "p" && !hasBad(f)
}

func hasBad(f *ast.File) (bad bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.BadDecl, *ast.BadExpr, *ast.BadStmt:
			bad = true
		}
		return !bad
	})
	return bad
}
