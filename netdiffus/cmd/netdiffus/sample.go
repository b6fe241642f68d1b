package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func sampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "sample",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return errors.New("sample: not built yet") },
	}
}
