package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/setup"
)

func kernelDoctorCommand() *cobra.Command {
	var o setup.ExamineOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the installed kernel part by part and name cures",
		Long: "Doctor examines everything that the kernel needs: Go, the C compiler, the disk, the\n" +
			"kernelspec, Jupyter, the program, the library, the tools, the device and the build\n" +
			"cache. Then it runs a cell as Jupyter would. For each part that is broken it prints\n" +
			"what is wrong and what to do. It exits with 1 if the kernel does not work.",
		Example: "  netdiffus kernel doctor\n" +
			"  netdiffus kernel doctor --json\n" +
			"  netdiffus kernel doctor --sys-prefix",
		Args: cobra.NoArgs,
	}
	place := placeFlags(c)
	nameFlag(c, &o.Name)
	c.Flags().BoolVar(&o.NoCell, "no-cell", false, "do not run a cell, which takes a few seconds")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		o.Version = version()
		if placeGiven(c) {
			p, err := place()
			if err != nil {
				return err
			}
			o.Place = &p
		}
		r := setup.Examine(c.Context(), o)
		if err := c.Context().Err(); err != nil {
			return err // the examination is incomplete
		}
		if asJSON {
			out := json.NewEncoder(c.OutOrStdout())
			out.SetIndent("", "  ")
			if err := out.Encode(r); err != nil {
				return err
			}
		} else {
			printCheckup(c.OutOrStdout(), r)
		}
		if n := r.Broken(); n > 0 {
			return fmt.Errorf("the kernel %s does not work: %d of its parts are broken", r.Name, n)
		}
		return nil
	}
	return c
}

func printCheckup(w io.Writer, r setup.Report) {
	const indent = "\n                       "
	healthy := true
	for _, c := range r.Checks {
		fmt.Fprintf(w, "%-14s%-9s%s\n", c.Part, c.Status, strings.ReplaceAll(c.Detail, "\n", indent))
		if c.Cure != "" {
			fmt.Fprintf(w, "%-14s%-9s%s\n", "", "cure", strings.ReplaceAll(c.Cure, "\n", indent))
		}
		healthy = healthy && c.Status == setup.OK
	}
	if healthy {
		fmt.Fprintln(w, "everything works")
	}
}
