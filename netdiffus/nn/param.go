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

// Kind says what a parameter is, and with it how PyTorch lays it out.
type Kind int

const (
	Vector   Kind = iota // [n]: biases, scale and shift of a norm; the same in PyTorch
	Table                // [rows,dim]: an embedding; the same in PyTorch
	Matrix               // [in,out]: a linear map; PyTorch has [out,in]
	Kernel1D             // [in,out]: a 1-D convolution of size 1; PyTorch has [out,in,1]
	Kernel2D             // [kH,kW,in,out]: a 2-D convolution; PyTorch has [out,in,kH,kW]
)

// Param describes one parameter of a network: its name, layout and distribution.
type Param struct {
	Name  string // path in the network, as "input_blocks/0/0/weight"
	Shape []int  // in this program's layout
	Kind  Kind
	Init  Init // distribution of the initial values
}

// Init fills dst with initial values drawn from r.
type Init func(r *rand.Rand, dst []float32)

// zeros is the start of guided-diffusion's "zero modules": the last layer of each
// residual branch, so that a new network's blocks are the identity.
func zeros(_ *rand.Rand, dst []float32) { clear(dst) }

// ones is the start of a norm's scale.
func ones(_ *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = 1
	}
}

// normal is N(0, std²); PyTorch's start of an embedding has std 1.
func normal(std float64) Init {
	return func(r *rand.Rand, dst []float32) {
		noise.Normal(r, dst)
		for i := range dst {
			dst[i] *= float32(std)
		}
	}
}

// fanIn is uniform in ±1/√fanIn, which is what PyTorch's kaiming_uniform with
// a = √5 comes to for weights, and its start of the biases of linear maps and
// convolutions.
func fanIn(fanIn int) Init {
	bound := 1 / math.Sqrt(float64(fanIn))
	return func(r *rand.Rand, dst []float32) { noise.Uniform(r, -bound, bound, dst) }
}

// Size is the number of values.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Initial draws the parameter's initial values, row-major in Shape. They depend on
// seed and name alone, so a network starts alike on every backend and a layer alike
// in every network that has it under the same name.
func (p Param) Initial(seed uint64) []float32 {
	values := make([]float32, p.Size())
	p.Init(noise.Stream(seed, noise.Key(p.Name)), values)
	return values
}

// Count is the number of values in all of params.
func Count(params []Param) int {
	n := 0
	for _, p := range params {
		n += p.Size()
	}
	return n
}

// Create makes the variables of params below scope with their initial values for
// seed. It fails where one is already there: it must not overwrite a trained one,
// nor let it pass for new.
func Create(scope *model.Scope, params []Param, seed uint64) error {
	for _, p := range params {
		if err := p.Create(scope, p.Initial(seed)); err != nil {
			return err
		}
	}
	return nil
}

// Create makes p's variable below scope with the given values, row-major in Shape.
func (p Param) Create(scope *model.Scope, values []float32) error {
	if len(values) != p.Size() {
		return fmt.Errorf("nn: %s: %d values, want %d for shape %v", p.Name, len(values), p.Size(), p.Shape)
	}
	path := model.JoinPath(scope.Scope(), p.Name)
	if scope.Store().GetVariable(path) != nil {
		return fmt.Errorf("nn: %s is already there", path)
	}
	_, err := scope.Store().CreateVariable(path, tensors.FromFlatDataAndDimensions(values, p.Shape...))
	return err
}

// join is the name of a parameter below a path, which may be empty.
func join(path, name string) string {
	return strings.TrimPrefix(path+"/"+name, "/")
}
