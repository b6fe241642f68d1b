package main

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The commands of docs/scale.md have the flags that they name, and all that they need.
func TestDocumentationCommands(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^netdiffus-beam (.*?)( &)?$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) < 5 {
		t.Fatalf("%d commands", len(lines))
	}
	for _, line := range lines {
		root := rootCommand()
		c, rest, err := root.Find(strings.Fields(line[1]))
		if err == nil {
			err = c.ParseFlags(rest)
		}
		for _, needed := range []string{"run", "in", "out"} {
			if err == nil && c.Flags().Lookup(needed) != nil {
				err = need(c, needed)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", line[0], err)
		}
	}
}

func TestUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--run is needed": {"sample", "--out", "x"},
		"--out is needed": {"sample", "--run", "x"},
		"unknown flag":    {"sample", "--runs", "x"},
		"--in is needed":  {"convert", "--out", "x"},
		"--codec":         {"convert", "--in", "x", "--out", "y", "--codec", "none"},
		"--shards":        {"convert", "--in", "x", "--out", "y", "--shards", "0"},
		"--min-packets":   {"convert", "--in", "x", "--out", "y", "--min-packets", "-1"},
		"--iat-unit":      {"convert", "--in", "x", "--out", "y", "--iat-unit", "h"},
	} {
		root := rootCommand()
		root.SetArgs(args)
		if err := root.Execute(); !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	root := rootCommand()
	for _, c := range root.Commands() {
		if strings.TrimSpace(c.Short) == "" {
			t.Errorf("%s says nothing of itself", c.Name())
		}
	}
	for name, hidden := range map[string]bool{"worker": true, "runner": false} {
		if f := root.PersistentFlags().Lookup(name); f == nil || f.Hidden != hidden {
			t.Errorf("--%s of Beam: %+v, want hidden %t", name, f, hidden)
		}
	}
}
