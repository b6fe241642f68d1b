package wire

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
)

// Connection is what a Jupyter client writes in a connection file: where the
// kernel shall listen, and the key that messages are signed with.
type Connection struct {
	Transport       string `json:"transport"` // "tcp" or "ipc"
	IP              string `json:"ip"`        // for ipc the beginning of the sockets' path
	Shell           int    `json:"shell_port"`
	IOPub           int    `json:"iopub_port"`
	Stdin           int    `json:"stdin_port"`
	Control         int    `json:"control_port"`
	Heartbeat       int    `json:"hb_port"`
	SignatureScheme string `json:"signature_scheme"` // "hmac-sha256"
	Key             string `json:"key"`              // empty where messages are not signed
}

// maxConnectionFile is far more than a connection file holds, bytes.
const maxConnectionFile = 1 << 20

// ReadConnection reads a connection file and checks that it can be served.
func ReadConnection(path string) (Connection, error) {
	var c Connection
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("wire: connection file: %w", err)
	}
	if info.Size() > maxConnectionFile {
		return c, fmt.Errorf("wire: connection file %s: %d bytes are no connection file", path, info.Size())
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
		return fmt.Errorf("no ip to listen at")
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

// Write writes the connection file, for its owner only.
func (c Connection) Write(path string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// Endpoint is the address of the socket with that port, as ZeroMQ writes it.
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
