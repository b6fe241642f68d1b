package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "convert",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return errors.New("convert: not built yet") },
	}
}
