package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func invertCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "invert",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return errors.New("invert: not built yet") },
	}
}
