// Package procgroup runs a program together with what it starts: ending the one
// ends the others. pip, the Go tool and Jupyter all work through children.
package procgroup
