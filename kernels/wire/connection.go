package wire

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
)

// Connection is the content of a connection file, which a Jupyter client writes: the
// addresses at which the kernel must listen, and the key that signs messages.
type Connection struct {
	Transport       string `json:"transport"` // "tcp" or "ipc"
	IP              string `json:"ip"`        // for ipc, the beginning of the sockets' paths
	Shell           int    `json:"shell_port"`
	IOPub           int    `json:"iopub_port"`
	Stdin           int    `json:"stdin_port"`
	Control         int    `json:"control_port"`
	Heartbeat       int    `json:"hb_port"`
	SignatureScheme string `json:"signature_scheme"` // "hmac-sha256"
	Key             string `json:"key"`              // empty if messages are not signed
}

// maxConnectionFile is far more than a connection file holds, in bytes.
const maxConnectionFile = 1 << 20

// ReadConnection reads and checks a connection file.
func ReadConnection(path string) (Connection, error) {
	var c Connection
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("wire: connection file: %w", err)
	}
	if info.Size() > maxConnectionFile {
		return c, fmt.Errorf("wire: connection file %s: it has %d bytes, too many for a connection file", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("wire: connection file: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("wire: connection file %s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("wire: connection file %s: %w", path, err)
	}
	return c, nil
}

func (c *Connection) check() error {
	switch c.Transport {
	case "":
		c.Transport = "tcp"
	case "tcp", "ipc":
	default:
		return fmt.Errorf("transport %q is neither tcp nor ipc", c.Transport)
	}
	if c.IP == "" {
		return fmt.Errorf("it has no ip")
	}
	if c.SignatureScheme != "" && c.SignatureScheme != "hmac-sha256" {
		return fmt.Errorf("signature scheme %q is not hmac-sha256", c.SignatureScheme)
	}
	for name, port := range map[string]int{"shell": c.Shell, "iopub": c.IOPub, "stdin": c.Stdin, "control": c.Control, "hb": c.Heartbeat} {
		if port <= 0 || port > 1<<16-1 {
			return fmt.Errorf("%s_port is %d", name, port)
		}
	}
	return nil
}

// Write writes a connection file that only its owner can read.
func (c Connection) Write(path string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// Endpoint returns the address of the socket with that port, in ZeroMQ's form.
func (c Connection) Endpoint(port int) string {
	if c.Transport == "ipc" {
		return "ipc://" + c.IP + "-" + strconv.Itoa(port)
	}
	host := c.IP
	if host == "*" {
		host = "" // every address
	}
	return "tcp://" + net.JoinHostPort(host, strconv.Itoa(port))
}
