package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Kind is the kind of a parameter, which determines its layout in PyTorch.
type Kind int

const (
	Vector   Kind = iota // [n]: biases, scale and shift of a norm; the same in PyTorch
	Table                // [rows,dim]: an embedding; the same in PyTorch
	Matrix               // [in,out]: a linear map; PyTorch has [out,in]
	Kernel1D             // [in,out]: a 1-D convolution of size 1; PyTorch has [out,in,1]
	Kernel2D             // [kH,kW,in,out]: a 2-D convolution; PyTorch has [out,in,kH,kW]
)

// Param describes one trainable parameter of a network.
type Param struct {
	Name  string // path in the network, such as "input_blocks/0/0/weight"
	Shape []int  // in this package's layout (see Kind)
	Kind  Kind
	Init  Init // distribution of the initial values
}

// Init fills dst with initial values drawn from r.
type Init func(r *rand.Rand, dst []float32)

// zeros is the Init of guided-diffusion's zero_module, the last layer of each
// residual branch: a new network's residual blocks are the identity.
func zeros(_ *rand.Rand, dst []float32) { clear(dst) }

// ones is the Init of a norm's scale.
func ones(_ *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = 1
	}
}

// normal returns the Init N(0, std²); PyTorch's for an embedding has std 1.
func normal(std float64) Init {
	return func(r *rand.Rand, dst []float32) {
		noise.Normal(r, dst)
		for i := range dst {
			dst[i] *= float32(std)
		}
	}
}

// fanIn returns the Init uniform in ±1/√fanIn. It equals PyTorch's default for linear
// maps and convolutions: kaiming_uniform with a = √5 for weights, and the same bound
// for biases.
func fanIn(fanIn int) Init {
	bound := 1 / math.Sqrt(float64(fanIn))
	return func(r *rand.Rand, dst []float32) { noise.Uniform(r, -bound, bound, dst) }
}

// Size returns the number of values.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Initial returns the parameter's initial values, row-major in Shape. They depend on
// seed and Name only, so they are the same on every backend, and in every network that
// has the same layer under the same name.
func (p Param) Initial(seed uint64) []float32 {
	values := make([]float32, p.Size())
	p.Init(noise.Stream(seed, noise.Key(p.Name)), values)
	return values
}

// Count returns the number of values of all params.
func Count(params []Param) int {
	n := 0
	for _, p := range params {
		n += p.Size()
	}
	return n
}

// Create creates the variables of params below scope with their initial values for
// seed. It fails where a variable exists already, rather than overwrite a trained
// one or leave it among new ones.
func Create(scope *model.Scope, params []Param, seed uint64) error {
	for _, p := range params {
		if err := p.Create(scope, p.Initial(seed)); err != nil {
			return err
		}
	}
	return nil
}

// Create creates p's variable below scope with the given values, row-major in Shape.
// It fails where their number is not Size or the variable exists already.
func (p Param) Create(scope *model.Scope, values []float32) error {
	if len(values) != p.Size() {
		return fmt.Errorf("nn: %s: %d values, want %d for shape %v", p.Name, len(values), p.Size(), p.Shape)
	}
	path := model.JoinPath(scope.Scope(), p.Name)
	if scope.Store().GetVariable(path) != nil {
		return fmt.Errorf("nn: parameter %s exists already", path)
	}
	_, err := scope.Store().CreateVariable(path, tensors.FromFlatDataAndDimensions(values, p.Shape...))
	return err
}

// join returns the name of a parameter below path, which may be empty.
func join(path, name string) string {
	return strings.TrimPrefix(path+"/"+name, "/")
}
