package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of netdiffus, Go and the libraries that compute",
		Example: "  netdiffus version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprintf(c.OutOrStdout(), "netdiffus %s\n", version())
			fmt.Fprintf(c.OutOrStdout(), "go        %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			for _, module := range []string{"github.com/gomlx/gomlx", "github.com/gomlx/go-xla"} {
				fmt.Fprintf(c.OutOrStdout(), "%-9s %s\n", module[len("github.com/gomlx/"):], moduleVersion(module))
			}
			return nil
		},
	}
}

// version returns the module's version as the Go tool recorded it, or "devel".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == path {
				return dep.Version
			}
		}
	}
	return "unknown"
}
