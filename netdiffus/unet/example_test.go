package unet_test

import (
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// The parameters of the reference's network can be listed without a device.
func ExampleConfig_Params() {
	c := unet.Config{ImageSize: 10, Channels: 128, ResBlocks: 3, LearnSigma: true, Classes: 20}
	params := c.Params()
	fmt.Println(nn.Count(params), "parameters in", len(params), "tensors")
	fmt.Println(params[5].Name, params[5].Shape, "is PyTorch's", params[5].PyTorchName(), params[5].PyTorchShape())
	// Output:
	// 20974978 parameters in 241 tensors
	// input_blocks/0/0/weight [3 3 1 128] is PyTorch's input_blocks.0.0.weight [128 1 3 3]
}

func ExampleConfig_Validate() {
	c := unet.Config{ImageSize: 10, ChannelMult: []float64{1, 2, 2}}
	fmt.Println(c.Validate())
	// Output:
	// unet: channel_mult [1 2 2] halves an image 2 times, but 10x10 pixels can be halved 1 times without a remainder: at most 2 values are possible
}
