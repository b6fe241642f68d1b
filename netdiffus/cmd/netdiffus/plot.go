package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func plotCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "plot",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return errors.New("plot: not built yet") },
	}
}
