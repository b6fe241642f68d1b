package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// boolWord is a boolean flag that takes its value as a word after a space, as
// the reference's argparse does: --learn_sigma True. (pflag's own booleans
// would take "True" for an argument.)
type boolWord bool

func (b *boolWord) Set(s string) error {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1":
		*b = true
	case "false", "f", "no", "n", "0":
		*b = false
	default:
		return fmt.Errorf("want True or False, got %q", s)
	}
	return nil
}

func (b *boolWord) String() string {
	if b != nil && bool(*b) {
		return "True"
	}
	return "False"
}

func (b *boolWord) Type() string { return "True|False" }

// boolVar registers p under name, with *p as the default.
func boolVar(flags *pflag.FlagSet, p *bool, name, usage string) {
	flags.Var((*boolWord)(p), name, usage)
}
