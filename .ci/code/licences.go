package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// program is one whose dependencies are listed.
type program struct {
	module, path string // folders: the module's, and in it the program's
	table        string // file of its licences, which the verb licences writes and compares
	title        string
	others       string // what else is known of them, before the table
}

// programs are the programs of this repository: netdiffus, and those of other modules.
var programs = []program{
	{".", "./netdiffus/cmd/netdiffus", "docs/licences.md", "Licences of what is linked in",
		"; `go run ./.ci/code sbom` prints the same as a bill of materials in\n" +
			"CycloneDX. go.sum holds their hashes. Not linked in, but fetched when it is first needed\n" +
			"is XLA's plugin (Apache-2.0): [SECURITY.md](../.github/SECURITY.md) says from where.\n\n"},
	{"netdiffus/beam", "./cmd/netdiffus-beam", "docs/licences-beam.md", "Licences of what is linked into netdiffus-beam",
		". [licences.md](licences.md) has those of netdiffus itself.\n\n"},
}

// dependency is a module that is linked into the program.
type dependency struct {
	Path, Version, Dir string
	licence            string // SPDX identifier
}

// dependencies lists the modules linked into the program, for all systems that it is built
// for, with their licences.
func (p program) dependencies() ([]dependency, error) {
	found := map[string]dependency{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		c := exec.Command("go", "list", "-e", "-deps", "-json=Module", p.path)
		c.Dir = p.module
		c.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64")
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", goos, err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct {
				Module *struct {
					dependency
					Main    bool
					Replace *dependency
				}
			}
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module == nil || p.Module.Main {
				continue
			}
			m := p.Module.dependency
			if r := p.Module.Replace; r != nil {
				if r.Version == "" {
					continue // a folder of this repository
				}
				m = *r
			}
			found[m.Path] = m
		}
	}
	var list []dependency
	for _, path := range slices.Sorted(maps.Keys(found)) {
		m := found[path]
		var err error
		if m.licence, err = licenceOf(m.Dir); err != nil {
			return nil, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// licenceOf names the licence in a module's folder.
func licenceOf(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("it is not downloaded: run go mod download")
	}
	var tried []string
	for _, pattern := range []string{"LICEN[CS]E*", "COPYING*", "licen[cs]e*", "UNLICENSE*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // a folder of licences
			}
			if name := licenceIn(string(text)); name != "" {
				return name, nil
			}
			tried = append(tried, filepath.Base(file))
		}
	}
	return "", fmt.Errorf("no licence that is known in %q", tried)
}

// licenceIn names the licence that a text is.
func licenceIn(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, l := range []struct {
		name  string
		words []string
	}{
		{"Apache-2.0", []string{"apache license", "version 2.0"}},
		{"MPL-2.0", []string{"mozilla public license", "2.0"}},
		{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name"}},
		{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "may not be used to endorse"}},
		{"BSD-2-Clause", []string{"redistribution and use in source and binary forms"}},
		{"MIT", []string{"permission is hereby granted, free of charge"}},
		{"ISC", []string{"permission to use, copy, modify, and/or distribute this software"}},
		{"Unlicense", []string{"free and unencumbered software released into the public domain"}},
		{"CC-BY-4.0", []string{"creative commons attribution 4.0"}},
		{"CC-BY-4.0", []string{"creativecommons.org/licenses/by/4.0"}},
		{"CC-BY-3.0", []string{"creative commons attribution 3.0"}},
		{"CC-BY-3.0", []string{"creativecommons.org/licenses/by/3.0"}},
		{"OFL-1.1", []string{"sil open font license"}},
		{"FTL", []string{"freetype"}},
		{"CC0-1.0", []string{"cc0 1.0"}},
	} {
		has := true
		for _, w := range l.words {
			has = has && strings.Contains(text, w)
		}
		if has {
			return l.name
		}
	}
	return ""
}

// printLicences writes the programs' tables of licences, or with check reports those that
// are not as they would be written.
func printLicences(check bool) error {
	for _, p := range programs {
		list, err := p.dependencies()
		if err != nil {
			return err
		}
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\n\nThe Go modules in the program, on Linux, macOS or Windows, as `go run ./.ci/code licences`\n"+
			"writes them here%s| module | version | licence |\n|---|---|---|\n", p.title, p.others)
		for _, m := range list {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, m.licence)
		}
		if !check {
			if err := os.WriteFile(p.table, []byte(b.String()), 0o666); err != nil {
				return err
			}
			continue
		}
		text, err := os.ReadFile(p.table)
		if err == nil && string(text) != b.String() {
			err = fmt.Errorf("%s is not of these modules: run go run ./.ci/code licences", p.table)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printBill prints a bill of materials in CycloneDX 1.5.
func printBill() error {
	list, err := programs[0].dependencies()
	if err != nil {
		return err
	}
	type licence struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	type component struct {
		Type     string    `json:"type"`
		Ref      string    `json:"bom-ref,omitempty"`
		Name     string    `json:"name"`
		Version  string    `json:"version,omitempty"`
		PURL     string    `json:"purl,omitempty"`
		Licences []licence `json:"licenses,omitempty"`
	}
	bill := struct {
		Format   string `json:"bomFormat"`
		Spec     string `json:"specVersion"`
		Version  int    `json:"version"`
		Metadata struct {
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}{Format: "CycloneDX", Spec: "1.5", Version: 1}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	bill.Metadata.Component = component{Type: "application", Name: "netdiffus", Version: version}
	for _, m := range list {
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl, Licences: make([]licence, 1)}
		c.Licences[0].License.ID = m.licence
		bill.Components = append(bill.Components, c)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(bill)
}
