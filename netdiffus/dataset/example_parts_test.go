package dataset_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Root is a codec of one's own: the square root of a value's share of the largest,
// which has more room for small values than a linear scale.
type Root struct {
	Largest float64 `json:"largest"`
}

func (Root) Name() string { return "root" }

// Encode puts 0, and so padding, in the middle of [0,1].
func (r Root) Encode(_ string, v, dst []float64) error {
	for i := range dst {
		dst[i] = 0.5
		if i < len(v) {
			dst[i] += math.Copysign(math.Sqrt(math.Abs(v[i])/r.Largest), v[i]) / 2
		}
		if !(dst[i] >= 0 && dst[i] <= 1) {
			return fmt.Errorf("root: value %v is beyond %v", v[i], r.Largest)
		}
	}
	return nil
}

func (r Root) Decode(_ string, u []float64) []float64 {
	v := make([]float64, len(u))
	for i, code := range u {
		root := 2*code - 1
		v[i] = root * math.Abs(root) * r.Largest
	}
	return v
}

// A codec works by value wherever one is wanted. Registered, it is saved in
// manifests and run directories, read from them, and offered by the program's
// --codec.
func Example_codec() {
	if err := codec.Register(Root{Largest: 1460}); err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	images := filepath.Join(dir, "images")

	flows := traffic.All([]traffic.Flow{
		{Label: "web", Packets: []traffic.Packet{{Length: 517, Dir: traffic.Up}, {Length: 1460, Dir: traffic.Down}}},
	})
	recipe := dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: Root{Largest: 65535}}}}
	done, err := dataset.Convert(context.Background(), flows, recipe, images, dataset.ConvertOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done.Exact64, "of", done.Flows, "flows come back exactly")

	set, err := dataset.Open(images, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", set.Encoding.Channels()[0].Codec)
	for f := range set.Flows() {
		fmt.Println(f.Label, traffic.SignedLength{}.Values(f.Packets))
	}
	// Output:
	// 1 of 1 flows come back exactly
	// {Largest:65535}
	// web [-517 1460]
}

// Bits is a feature of one's own: the number of bits that a packet's length takes.
// It holds no field of a packet, since a length cannot be told from it.
type Bits struct{}

func (Bits) Name() string                            { return "bits" }
func (Bits) Fields() traffic.Fields                  { return 0 }
func (Bits) Restore(_ []float64, _ []traffic.Packet) {}
func (Bits) Values(p []traffic.Packet) []float64 {
	v := make([]float64, len(p))
	for i := range p {
		v[i] = math.Ceil(math.Log2(float64(1 + p[i].Length)))
	}
	return v
}

// A feature is a channel of the image by itself.
func Example_feature() {
	if err := traffic.RegisterFeature(Bits{}); err != nil {
		fmt.Println(err)
		return
	}
	flows := traffic.All([]traffic.Flow{
		{Label: "web", Packets: []traffic.Packet{{Length: 517, Dir: traffic.Up}, {Length: 1460, Dir: traffic.Down}}},
	})
	set, err := dataset.Build(flows, dataset.Recipe{
		SeriesLength: 4,
		Channels:     []dataset.Channel{{Feature: traffic.SignedLength{}}, {Feature: Bits{}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Images.C, "channels, the second", set.Encoding.Channels()[1].Codec)
	for f := range set.Flows() {
		fmt.Println(f.Label, traffic.SignedLength{}.Values(f.Packets))
	}
	// Output:
	// 2 channels, the second {0 11 0 false}
	// web [-517 1460]
}
