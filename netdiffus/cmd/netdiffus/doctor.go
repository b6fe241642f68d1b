package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

func doctorCommand() *cobra.Command {
	var spec string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine this machine, download what is missing, and name cures",
		Long: "Doctor examines this machine and opens the device that the other commands would\n" +
			"use. It downloads XLA's plugin if none is installed, and runs a small graph. For\n" +
			"each thing that is missing it prints what to do. It exits with 1 if no device\n" +
			"can compute.",
		Example: "  netdiffus doctor\n" +
			"  netdiffus doctor --backend xla:cuda\n" +
			"  netdiffus doctor --json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e := examine(c.Context(), spec, progressTo(c.ErrOrStderr()))
			if err := c.Context().Err(); err != nil {
				return err // the examination is incomplete
			}
			if asJSON {
				out := json.NewEncoder(c.OutOrStdout())
				out.SetIndent("", "  ")
				if err := out.Encode(e); err != nil {
					return err
				}
			} else {
				e.print(c.OutOrStdout())
			}
			return e.err
		},
	}
	c.Flags().StringVar(&spec, "backend", "", `device: "xla", "xla:cpu", "xla:cuda", "xla:/path/plugin.so" or "go"; (default: $`+backend.Env+" or the best available)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// examination is the result of doctor.
type examination struct {
	Machine  track.Machine        `json:"machine"`
	Free     int64                `json:"memory_available_bytes,omitempty"`
	Go       tool                 `json:"go"`
	Python   tool                 `json:"python"` // its pip downloads the plugin
	Cache    cacheFolder          `json:"cache"`
	Programs programFolder        `json:"programs"`
	Findings []backend.Finding    `json:"search"`
	Device   *backend.Description `json:"device,omitempty"`
	Speed    *backend.Speed       `json:"speed,omitempty"`
	Opened   time.Duration        `json:"opened_in_ns"`
	Cures    []string             `json:"cures,omitempty"`
	Error    string               `json:"error,omitempty"`
	err      error
}

// tool is a program that was found on the machine.
type tool struct {
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
}

// cacheFolder is the folder of downloaded plugins.
type cacheFolder struct {
	Path string `json:"path,omitempty"`
	Free int64  `json:"free_bytes,omitempty"` // 0 where it is not known
}

// programFolder is the folder of compiled programs.
type programFolder struct {
	Path  string `json:"path,omitempty"`
	Count int    `json:"count"`
	Bytes int64  `json:"bytes"`
}

// fetchRoom is the space that the download of a CPU plugin needs, in bytes.
const fetchRoom = 300e6

// examine examines the machine and tries its device.
func examine(ctx context.Context, spec string, progress func(backend.Progress)) examination {
	e := examination{
		Machine: track.ThisMachine(),
		Free:    memoryAvailable(),
	}
	if path, err := command.FindGo(""); err == nil {
		e.Go = askVersion(ctx, path, "version")
	}
	if path, err := command.FindPython(nil); err == nil {
		e.Python = askVersion(ctx, path, "-m", "pip", "--version")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		e.Cache = cacheFolder{Path: filepath.Join(dir, "netdiffus", "xla"), Free: atomicfile.FreeSpace(dir)}
		kept := programs.In(dir)
		e.Programs.Path = kept.Dir
		e.Programs.Count, e.Programs.Bytes = kept.Size()
	}
	// The findings hold everything that the log would.
	opener := backend.Opener{Log: slog.New(slog.DiscardHandler), Progress: progress}
	begun := time.Now()
	device, findings, err := opener.Search(ctx, spec)
	e.Opened, e.Findings = time.Since(begun), findings
	if err == nil {
		var d backend.Description
		if d, err = backend.Describe(device); err == nil {
			e.Device = &d
			var speed backend.Speed
			if speed, err = backend.Measure(device); err == nil {
				e.Speed = &speed
			}
		}
	}
	if err != nil {
		e.err, e.Error = err, err.Error()
	}
	e.Cures = e.cures()
	return e
}

// cures lists what the user can do, without duplicates.
func (e examination) cures() []string {
	var list []string
	add := func(cure string) {
		for _, had := range list {
			if had == cure {
				return
			}
		}
		if cure != "" {
			list = append(list, cure)
		}
	}
	for _, f := range e.Findings {
		add(f.Cure)
	}
	slow := e.Device == nil || e.Device.Name == "go"
	if slow && e.Python.Version == "" {
		add("install python3 with pip (on Debian and Ubuntu: apt install python3-pip), which downloads XLA's plugin and is not needed afterwards")
	}
	if slow && e.Cache.Path == "" {
		add("set HOME or XDG_CACHE_HOME: without them there is no folder for a plugin")
	}
	if e.Cache.Free > 0 && e.Cache.Free < fetchRoom {
		add(fmt.Sprintf("free some space for %s: %s is free, and the download of a plugin needs %s", e.Cache.Path, bytesText(e.Cache.Free), bytesText(fetchRoom)))
	}
	if e.Go.Path == "" {
		add("install Go from its download page to run notebooks or to build the library; the program itself does not need it")
	}
	return list
}

func (e examination) print(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("netdiffus", "%s, built with %s for %s/%s", version(), runtime.Version(), e.Machine.OS, e.Machine.Arch)
	line("go", "%s", e.Go.text("not found"))
	line("python", "%s", e.Python.text("no python3 with pip"))
	line("cpu", "%d cores %s", e.Machine.Cores, e.Machine.CPU)
	if e.Machine.Memory > 0 {
		line("memory", "%s, %s available", bytesText(e.Machine.Memory), bytesText(e.Free))
	}
	if e.Cache.Free > 0 {
		line("cache", "%s, %s free", e.Cache.Path, bytesText(e.Cache.Free))
	} else {
		line("cache", "%s", e.Cache.Path)
	}
	line("programs", "%s, %d compiled and kept, %s", e.Programs.Path, e.Programs.Count, bytesText(e.Programs.Bytes))
	fmt.Fprintln(w, "\nsearch for a device")
	for _, f := range e.Findings {
		what := f.Path
		if f.Detail != "" {
			what = strings.TrimSpace(what + "  " + f.Detail)
		}
		fmt.Fprintf(w, "  %-10s%-8s%s\n", f.Step, f.Status, strings.ReplaceAll(what, "\n", "\n                    "))
	}
	fmt.Fprintln(w)
	if e.Device != nil {
		line("device", "%s, opened in %.1f s", e.Device, e.Opened.Seconds())
		if e.Device.PluginSHA256 != "" {
			line("", "%s, SHA-256 %s", bytesText(e.Device.PluginBytes), e.Device.PluginSHA256)
		}
		if origin := backend.Origin(e.Device.Plugin); origin != "" {
			line("", "%s", origin)
		}
	}
	if e.Speed != nil {
		line("speed", "%.3g GFLOP/s matrix product, %.3g GFLOP/s convolution, both results correct", e.Speed.MatMul, e.Speed.Conv)
	}
	for _, cure := range e.Cures {
		line("cure", "%s", cure)
	}
	if e.err == nil && len(e.Cures) == 0 {
		fmt.Fprintln(w, "everything works")
	}
}

// askVersion runs the program at path to print its version, for five seconds at
// most.
func askVersion(ctx context.Context, path string, args ...string) tool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return tool{Path: path}
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return tool{Path: path, Version: strings.TrimSpace(first)}
}

func (t tool) text(missing string) string {
	switch {
	case t.Path == "":
		return missing
	case t.Version == "":
		return t.Path + ", " + missing
	}
	return t.Path + ", " + t.Version
}

// memoryAvailable returns the memory that programs can still use, in bytes; 0 if it is
// unknown.
func memoryAvailable() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kib int64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			break
		}
	}
	return kib << 10
}

func bytesText(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// progressTo shows the progress of a download: on a terminal as one line that changes,
// elsewhere as a line every few seconds.
func progressTo(w io.Writer) func(backend.Progress) {
	f, ok := w.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	var last time.Time
	return func(p backend.Progress) {
		end := p.Total > 0 && p.Done >= p.Total
		text := fmt.Sprintf("downloading %s: %d of %d MB", p.What, p.Done/1e6, p.Total/1e6)
		switch {
		case terminal && end:
			fmt.Fprintf(w, "\r%s\n", text)
		case terminal:
			fmt.Fprintf(w, "\r%s", text)
		case end || time.Since(last) > 3*time.Second:
			last = time.Now()
			fmt.Fprintln(w, text)
		}
	}
}
