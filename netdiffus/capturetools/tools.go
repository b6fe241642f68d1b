package capturetools

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

func number(text string) float64 {
	v, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return v
}

// runTshark reads the packets one by one; a flow is one of its streams.
func runTshark(ctx context.Context, path, dir string, r *Result) error {
	c := exec.CommandContext(ctx, "tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.stream", "-e", "udp.stream",
		"-e", "frame.len", "-e", "frame.protocols", "-e", "_ws.expert.severity")
	command.KillGroup(c)
	c.Dir, c.WaitDelay = dir, 5*time.Second
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	open := map[string]*flow{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		row := strings.Split(lines.Text(), "\t")
		if len(row) < 6 {
			continue
		}
		for _, level := range strings.Split(row[5], ",") {
			switch level { // Wireshark's epan/proto.h
			case "8388608":
				r.Errors++
			case "6291456":
				r.Warnings++
			case "4194304":
				r.Notes++
			}
		}
		key := "udp" + row[2]
		if row[1] != "" {
			key = "tcp" + row[1]
		} else if row[2] == "" {
			continue
		}
		at := number(row[0])
		f := open[key]
		if f == nil {
			f = &flow{start: at}
			open[key] = f
		}
		f.seconds = at - f.start
		f.packets++
		f.bytes += number(row[3])
		// The protocol above TCP or UDP, the first that there is.
		parts := strings.Split(strings.Split(row[4], ",")[0], ":")
		for i, part := range parts {
			if part != "tcp" && part != "udp" {
				continue
			}
			if f.service == "" {
				f.service = part
			}
			if i+1 < len(parts) && (f.service == part || f.service == "data") {
				f.service = parts[i+1]
			}
			break
		}
	}
	if err := lines.Err(); err != nil {
		c.Cancel()
		c.Wait()
		return err
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("tshark: %w", err)
	}
	var flows []flow
	for _, f := range open {
		flows = append(flows, *f)
	}
	r.summarize(flows)
	return nil
}

// runNfdump lets softflowd send flows to nfcapd, on this machine, and nfdump read them.
func runNfdump(ctx context.Context, path, dir string, r *Result) error {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := socket.LocalAddr().(*net.UDPAddr).Port
	socket.Close()
	flows := filepath.Join(dir, "flows")
	if err := os.Mkdir(flows, 0o700); err != nil {
		return err
	}
	collector := exec.CommandContext(ctx, "nfcapd", "-b", "127.0.0.1", "-p", strconv.Itoa(port), "-w", flows, "-B", "8388608")
	command.KillGroup(collector)
	collector.WaitDelay = 5 * time.Second
	if err := collector.Start(); err != nil {
		return err
	}
	defer func() { collector.Cancel(); collector.Wait() }()
	select {
	case <-time.After(time.Second): // it has no sign of being ready
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, err := output(ctx, dir, "softflowd", "-r", path, "-n", fmt.Sprintf("127.0.0.1:%d", port), "-v", "9", "-d", "-m", "1000000",
		"-t", "maxlife=7d", "-t", "general=300", "-t", "tcp=300", "-t", "tcp.fin=300", "-t", "tcp.rst=300", "-t", "udp=300", "-p", filepath.Join(dir, "pid"),
		"-c", "none" /* it may wait for somebody to connect to a control socket */); err != nil {
		return err
	}
	time.Sleep(time.Second)
	if err := collector.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	collector.Wait()
	out, err := output(ctx, dir, "nfdump", "-R", flows, "-q", "-N", "-b", "-o", "fmt:%tsr|%td|%pr|%sp|%dp|%ipkt|%opkt|%ibyt|%obyt")
	if err != nil {
		return err
	}
	var list []flow
	for _, row := range fields(out, "|") {
		if len(row) < 9 {
			continue
		}
		list = append(list, flow{number(row[0]), number(row[1]), number(row[5]) + number(row[6]), number(row[7]) + number(row[8]),
			strings.ToLower(strings.TrimSpace(row[2])) + "/" + strings.TrimSpace(row[4])})
	}
	r.summarize(list)
	return nil
}

func runArgus(ctx context.Context, path, dir string, r *Result) error {
	records := filepath.Join(dir, "argus")
	if _, err := output(ctx, dir, "argus", "-F", os.DevNull, "-r", path, "-w", records, "-S", "86400"); err != nil {
		return err
	}
	out, err := output(ctx, dir, "racluster", "-F", os.DevNull, "-r", records, "-n", "-u", "-c", ",", "-s", "stime,dur,proto,dport,pkts,bytes", "-", "tcp", "or", "udp")
	if err != nil {
		return err
	}
	var list []flow
	for _, row := range fields(out, ",") {
		if len(row) >= 6 && number(row[0]) > 0 {
			list = append(list, flow{number(row[0]), number(row[1]), number(row[4]), number(row[5]), row[2] + "/" + row[3]})
		}
	}
	r.summarize(list)
	return nil
}

// nfstreamScript prints a line of JSON a flow.
const nfstreamScript = `
import json, sys
from nfstream import NFStreamer
if __name__ == '__main__': # it starts processes that import this file
    for f in NFStreamer(source=sys.argv[1], idle_timeout=300, active_timeout=604800, n_meters=1, statistical_analysis=False):
        print(json.dumps([f.bidirectional_first_seen_ms/1e3, f.bidirectional_duration_ms/1e3, f.bidirectional_packets, f.bidirectional_bytes, f.application_name, f.protocol]))
`

func runNFStream(ctx context.Context, path, dir string, r *Result) error {
	python, err := command.FindPython(func(python string) error {
		_, err := output(ctx, dir, python, "-c", "import nfstream")
		return err
	})
	if err != nil {
		return errAbsent
	}
	script := filepath.Join(dir, "flows.py")
	if err := os.WriteFile(script, []byte(nfstreamScript), 0o600); err != nil {
		return err
	}
	out, err := output(ctx, dir, python, script, path)
	if err != nil {
		return err
	}
	var list []flow
	for line := range strings.Lines(string(out)) {
		var row []any
		if json.Unmarshal([]byte(line), &row) != nil || len(row) != 6 {
			continue
		}
		v := func(i int) float64 { n, _ := row[i].(float64); return n }
		if protocol := v(5); protocol != 6 && protocol != 17 {
			continue
		}
		list = append(list, flow{v(0), v(1), v(2), v(3), fmt.Sprint(row[4])})
	}
	r.summarize(list)
	return nil
}

// runTcpprep has tcpprep tell clients from servers, as before a capture is replayed.
func runTcpprep(ctx context.Context, path, dir string, r *Result) error {
	_, err := output(ctx, dir, "tcpprep", "--port", "-i", path, "-o", filepath.Join(dir, "cache"))
	return err
}

// runZeek counts the rows of conn.log.
func runZeek(ctx context.Context, path, dir string, r *Result) error {
	if _, err := output(ctx, dir, "zeek", "-C", "-r", path, "LogAscii::use_json=T"); err != nil {
		return err
	}
	return jsonFlows(filepath.Join(dir, "conn.log"), r, func(row map[string]any) (flow, bool) {
		v := func(name string) float64 { n, _ := row[name].(float64); return n }
		protocol, _ := row["proto"].(string)
		service, named := row["service"].(string)
		if !named {
			service = protocol
		}
		return flow{v("ts"), v("duration"), v("orig_pkts") + v("resp_pkts"), v("orig_ip_bytes") + v("resp_ip_bytes"), service}, protocol == "tcp" || protocol == "udp"
	})
}

// runSuricata counts the flows of eve.json.
func runSuricata(ctx context.Context, path, dir string, r *Result) error {
	if _, err := output(ctx, dir, "suricata", "-r", path, "-l", dir, "-k", "none", "--set", "outputs.1.eve-log.enabled=yes"); err != nil {
		return err
	}
	return jsonFlows(filepath.Join(dir, "eve.json"), r, func(row map[string]any) (flow, bool) {
		detail, _ := row["flow"].(map[string]any)
		v := func(name string) float64 { n, _ := detail[name].(float64); return n }
		service, _ := row["app_proto"].(string)
		start, _ := time.Parse("2006-01-02T15:04:05.999999-0700", fmt.Sprint(detail["start"]))
		return flow{float64(start.UnixMicro()) / 1e6, v("age"), v("pkts_toserver") + v("pkts_toclient"), v("bytes_toserver") + v("bytes_toclient"), service}, row["event_type"] == "flow"
	})
}

// jsonFlows reads a log of JSON Lines.
func jsonFlows(path string, r *Result, read func(map[string]any) (flow, bool)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var list []flow
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row map[string]any
		if json.Unmarshal(lines.Bytes(), &row) != nil {
			continue
		}
		if f, ok := read(row); ok {
			list = append(list, f)
		}
	}
	r.summarize(list)
	return lines.Err()
}
