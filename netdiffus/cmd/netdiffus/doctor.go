package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "doctor",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return errors.New("doctor: not built yet") },
	}
}
