package backend

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Description is what a device is, for the manifest of a run and for doctor.
type Description struct {
	Name         string `json:"name"`     // "xla" or "go"
	Platform     string `json:"platform"` // "cpu", "cuda", or what the plugin calls itself
	Plugin       string `json:"plugin,omitempty"`
	PluginSHA256 string `json:"plugin_sha256,omitempty"`
	PluginBytes  int64  `json:"plugin_bytes,omitempty"`
	PJRT         string `json:"pjrt,omitempty"` // version of the plugin's interface: "0.115"
	Devices      int    `json:"devices"`
	Device       string `json:"device,omitempty"` // the first device in the plugin's words
	Cores        int    `json:"cores"`            // of this machine
}

// Describe describes an open device. It reads the plugin once more to hash it,
// a tenth of a second.
func Describe(b compute.Backend) (d Description, err error) {
	defer recoverInto(&err, "backend: describe")
	d = Description{Name: b.String(), Platform: "cpu", Devices: b.NumDevices(), Cores: runtime.NumCPU()}
	device, ok := b.(*xla.Backend)
	if !ok {
		return d, nil
	}
	d.Plugin = device.PluginName()
	d.Device = b.DeviceDescription(0)
	if !device.IsCPU() {
		d.Platform = "cuda"
		if !device.IsCUDA() {
			d.Platform = "other"
		}
	}
	loading.Lock()
	plugin, err := pjrt.GetPlugin(d.Plugin) // loaded already: this finds it
	loading.Unlock()
	if err != nil {
		return d, fmt.Errorf("backend: %w", err)
	}
	d.Plugin = plugin.Path()
	major, minor := plugin.Version()
	d.PJRT = fmt.Sprintf("%d.%d", major, minor)
	file, err := provenance.Hash(context.Background(), d.Plugin)
	if err != nil {
		return d, fmt.Errorf("backend: %w", err)
	}
	d.PluginSHA256, d.PluginBytes = file.SHA256, file.Bytes
	return d, nil
}

// Origin says who built the plugin at path, where it is one that Open fetched from a
// package index; "" for all others.
func Origin(path string) string {
	if filepath.Base(filepath.Dir(path)) != cpuWheel.folder() {
		return ""
	}
	return fmt.Sprintf("built by a third party, not by the makers of XLA or go-xla: the package %s %s of the package index, held to a SHA-256 in this program's source", cpuWheel.name, cpuWheel.version)
}

// String is the device in a line.
func (d Description) String() string {
	if d.Plugin == "" {
		return fmt.Sprintf("pure Go on %d cores", d.Cores)
	}
	return fmt.Sprintf("XLA on %s, PJRT %s, %s", d.Platform, d.PJRT, d.Plugin)
}
