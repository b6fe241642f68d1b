package beam

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/flink"
)

// flinkVariable names the jar of Beam's job server for Flink, such as
// beam-runners-flink-1.20-job-server-2.77.0.jar.
const flinkVariable = "NETDIFFUS_FLINK_JAR"

// Flink draws the same, by a cluster within the job server and workers in this process.
func TestFlink(t *testing.T) {
	jar := os.Getenv(flinkVariable)
	if jar == "" {
		t.Skip(flinkVariable + " does not name the jar of Beam's job server")
	}
	port := freePort(t)
	server := exec.CommandContext(t.Context(), "java", "-jar", jar, "--flink-master=[local]", "--job-host=localhost",
		fmt.Sprintf("--job-port=%d", port), "--artifact-port=0", "--expansion-port=0", "--artifacts-dir="+t.TempDir())
	server.Stdout, server.Stderr = os.Stderr, os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	endpoint := fmt.Sprintf("localhost:%d", port)
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Second) {
		c, err := net.Dial("tcp", endpoint)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the job server does not answer: %v", err)
		}
	}
	before, kind := *jobopts.Endpoint, *jobopts.EnvironmentType
	*jobopts.Endpoint, *jobopts.EnvironmentType = endpoint, "LOOPBACK"
	defer func() { *jobopts.Endpoint, *jobopts.EnvironmentType = before, kind }()

	o := SampleOptions{Run: newRun(t), Device: device, Out: filepath.Join(t.TempDir(), "many"), N: 11, Shards: 4, Seed: 3}
	p := pinned(t, o)
	if _, err := Run(t.Context(), "flink", 1, func(s sdk.Scope) { Sample(s, p) }); err != nil {
		t.Fatal(err)
	}
	onlyShards(t, o.Out)
	sameFolders(t, merged(t, o.Out), whole(t, o))
}
