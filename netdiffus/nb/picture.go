package nb

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"sync"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

// Plot shows a figure of package plots, at twice a screen's resolution.
func Plot(f plots.Figure) {
	if !Here() {
		return
	}
	b, err := figure(f, png.DefaultCompression)
	Must(err)
	mustShow(b)
}

// Image shows a picture; alt describes it in words. A picture smaller than 128 pixels,
// such as that of a flow, is enlarged by a whole factor, so that single pixels are
// visible.
func Image(m image.Image, alt string) {
	if !Here() {
		return
	}
	b, err := picture(magnify(m), 1, alt, png.DefaultCompression)
	Must(err)
	mustShow(b)
}

// PNG shows an encoded picture; alt describes it in words.
func PNG(data []byte, alt string) {
	if !Here() {
		return
	}
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		Must(fmt.Errorf("nb: not a PNG: %w", err))
	}
	mustShow(pngBundle(data, c.Width, c.Height, alt))
}

// figure returns f as PNG and in words. Figures have two pixels per pixel of the page in
// each direction.
func figure(f plots.Figure, effort png.CompressionLevel) (bundle, error) {
	return picture(f.Image(), 2, f.Alt, effort)
}

// picture encodes m, which has density pixels per pixel of the page in each direction.
func picture(m image.Image, density int, alt string, effort png.CompressionLevel) (bundle, error) {
	if m == nil || m.Bounds().Empty() {
		return bundle{}, fmt.Errorf("nb: a picture without pixels (%s)", alt)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: effort}).Encode(&b, m); err != nil {
		return bundle{}, fmt.Errorf("nb: %w", err)
	}
	size := m.Bounds().Size()
	return pngBundle(b.Bytes(), size.X/density, size.Y/density, alt), nil
}

func pngBundle(data []byte, width, height int, alt string) bundle {
	registerMetadata()
	metadata := map[string]any{"width": max(width, 1), "height": max(height, 1)}
	if alt == "" {
		alt = "a picture"
	} else {
		metadata["alt"] = alt
	}
	return bundle{
		data: map[protocol.MIMEType]any{
			protocol.MIMEImagePNG:  data,
			protocol.MIMETextPlain: alt,
		},
		metadata: map[string]any{string(protocol.MIMEImagePNG): metadata},
	}
}

// registerMetadata registers the type of the metadata, a map in a map, with gob. GoNB
// registers it under the same name.
var registerMetadata = sync.OnceFunc(func() { gob.Register(map[string]any{}) })

// magnify draws each pixel of a small picture as a square.
func magnify(m image.Image) image.Image {
	if m == nil || m.Bounds().Empty() {
		return m
	}
	const small, wanted = 128, 256
	r := m.Bounds()
	longer := max(r.Dx(), r.Dy())
	if longer >= small {
		return m
	}
	k := wanted / longer
	out := image.NewNRGBA(image.Rect(0, 0, r.Dx()*k, r.Dy()*k))
	for y := range r.Dy() {
		for x := range r.Dx() {
			c := color.NRGBAModel.Convert(m.At(r.Min.X+x, r.Min.Y+y))
			draw.Draw(out, image.Rect(x*k, y*k, (x+1)*k, (y+1)*k), image.NewUniform(c), image.Point{}, draw.Src)
		}
	}
	return out
}
