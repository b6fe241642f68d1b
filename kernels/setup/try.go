package setup

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/client"
	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
)

// tryCell computes a sum of three squares on the device, as a notebook would.
const tryCell = `import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

%%
b, err := backend.Open(context.Background(), "")
if err != nil {
	panic(err)
}
exec, err := graph.NewExec(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(x, x)) })
if err != nil {
	panic(err)
}
out, err := exec.Call([]float32{1, 2, 3})
if err != nil {
	panic(err)
}
fmt.Println(tensors.ToScalar[float32](out[0]), b.String())
`

// tryTime is how long the kernel may take to start and to run the cell.
const tryTime = 5 * time.Minute

// try starts the kernel of s as Jupyter would, and runs a cell on it that computes
// on the device.
func try(ctx context.Context, s kernelspec.Spec, pureGo bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, tryTime, fmt.Errorf("no answer within %v", tryTime))
	defer cancel()
	k, err := client.Start(ctx, s.Argv, environment(s), os.TempDir())
	if err != nil {
		return fmt.Errorf("trying a cell: %w", err)
	}
	defer k.Close()
	result, err := k.Execute(ctx, tryCell)
	if err != nil {
		return fmt.Errorf("trying a cell: %w", err)
	}
	want := "14 xla"
	if pureGo {
		want = "14 go"
	}
	if got := strings.TrimSpace(result.Stdout); got != want {
		return fmt.Errorf("trying a cell: it printed %q, want %q; %s", got, want, strings.TrimSpace(result.Stderr))
	}
	if err := k.Close(); err != nil {
		return fmt.Errorf("trying a cell: %w", err)
	}
	return nil
}

// environment returns the environment in which Jupyter starts the kernel of s: its
// own, and the kernelspec's, in which ${NAME} stands for a variable of Jupyter's.
func environment(s kernelspec.Spec) []string {
	env := os.Environ()
	var names []string
	for name := range s.Env {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		env = append(env, name+"="+expand(s.Env[name]))
	}
	return env
}

// expand replaces variables as Jupyter does (with Python's string.Template): "$$"
// stands for "$".
func expand(value string) string {
	return os.Expand(value, func(name string) string {
		if name == "$" {
			return "$"
		}
		return os.Getenv(name)
	})
}

// literal returns the text that expand turns into value.
func literal(value string) string { return strings.ReplaceAll(value, "$", "$$") }
