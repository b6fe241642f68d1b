package sample

import (
	"iter"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// filler is the place in a batch of no sample: it fills the batch up, so that
// one compiled program serves all.
const filler = -1

// parts divides the samples into batches: for each its places' samples, as numbers from 0
// (plan.item), or filler.
func (p *plan) parts() iter.Seq[[]int] {
	classes := 1 // in a batch, one after the other
	each := p.batch
	if p.each > 0 {
		classes, each = len(p.Classes), p.each
	}
	perClass := p.len() / classes
	return func(yield func([]int) bool) {
		for from := 0; from < perClass; from += each {
			part := make([]int, 0, p.batch)
			for c := range classes {
				for i := from; i < from+each; i++ {
					if i < perClass {
						part = append(part, c*perClass+i)
					} else {
						part = append(part, filler)
					}
				}
			}
			if !yield(part) {
				return
			}
		}
	}
}

// samplesOf are the part's samples without filler.
func samplesOf(part []int) []int {
	return slices.DeleteFunc(slices.Clone(part), func(item int) bool { return item == filler })
}

// batch is one of a plan's parts being drawn.
type batch struct {
	part    []int
	image   netdiffus.Image
	sources []noise.Source  // what the host draws by for a sample; without a generator for filler
	samples []noise.Counter // what the device draws, zero for filler; nil where it draws nothing
	y       []int32         // classes, or variants of a netdiffus.Divided model
}

func (p *plan) newBatch(part []int) *batch {
	divided, _ := p.g.model.(netdiffus.Divided)
	n, onDevice := len(part), p.start != nil
	b := &batch{part: part, image: p.image(), sources: make([]noise.Source, n), y: make([]int32, n)}
	if onDevice {
		b.samples = make([]noise.Counter, n)
	}
	for i, number := range part {
		if number == filler {
			if i > 0 {
				b.y[i] = b.y[i-1] // of the class that it fills up
			}
			continue
		}
		it := p.item(number)
		key := noise.Key(p.g.Config.Classes[it.class])
		if onDevice {
			b.samples[i] = noise.NewCounter(p.Seed, key, uint64(it.i))
		}
		if !onDevice || divided != nil {
			b.sources[i].Rand = noise.Stream(p.Seed, key, uint64(it.i))
		}
		if p.g.evenly(p.Request) {
			b.sources[i].Even = &noise.Even{Seed: p.Seed, Class: key, Sample: uint64(it.i)}
		}
		if b.y[i] = int32(it.class); divided != nil {
			b.y[i] = divided.DrawVariant(it.class, b.sources[i].Rand)
		}
	}
	return b
}

// counters are the samples' as the device takes them, [B,4].
func (b *batch) counters() *tensors.Tensor {
	flat := make([]uint32, 0, 4*len(b.samples))
	for _, c := range b.samples {
		words := c.Words()
		flat = append(flat, words[:]...)
	}
	return tensors.FromFlatDataAndDimensions(flat, len(b.samples), 4)
}

// normal draws standard normal noise for every image on the host, from its own stream;
// filler stays 0.
func (b *batch) normal() []float32 {
	pixels := b.image.Pixels()
	values := make([]float32, len(b.part)*pixels)
	for i, source := range b.sources {
		if source.Rand != nil {
			noise.Normal(source.Rand, values[i*pixels:(i+1)*pixels])
		}
	}
	return values
}

// uniform draws n numbers in [0,1) for every image on the host, from its own stream.
func (b *batch) uniform(n int) []float32 {
	values := make([]float32, len(b.part)*n)
	for i, source := range b.sources {
		for j := range n {
			if source.Rand != nil {
				values[i*n+j] = source.Float32()
			}
		}
	}
	return values
}

// tensor is images on their way to the device, [B,H,W,C].
func (b *batch) tensor(images []float32) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(images, len(b.part), b.image.Height(), b.image.Side, b.image.Channels)
}

// read copies images from the device.
func (b *batch) read(images *tensors.Tensor) (imaging.Images, error) {
	values, err := tensors.CopyFlatData[float32](images)
	if err != nil {
		return imaging.Images{}, err
	}
	return b.images(values), nil
}

// images returns the batch's images without filler.
func (b *batch) images(values []float32) imaging.Images {
	images := imaging.New(0, b.image.Height(), b.image.Side, b.image.Channels)
	image := make([]float64, b.image.Pixels())
	for i, number := range b.part {
		if number == filler {
			continue
		}
		for j := range image {
			image[j] = float64(values[i*len(image)+j])
		}
		images.Append(image)
	}
	return images
}

// values is the inverse of images; filler is 0.
func (b *batch) values(images imaging.Images) []float32 {
	pixels := b.image.Pixels()
	values := make([]float32, len(b.part)*pixels)
	at := 0
	for i, number := range b.part {
		if number != filler {
			images.Read(at, values[i*pixels:(i+1)*pixels])
			at++
		}
	}
	return values
}
