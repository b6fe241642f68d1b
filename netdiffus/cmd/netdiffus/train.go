package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func trainCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "train",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return errors.New("train: not built yet") },
	}
}
