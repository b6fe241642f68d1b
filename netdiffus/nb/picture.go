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

// Image shows a picture; alt says in words what can be seen. A picture smaller
// than 128 pixels, such as one of a flow, is magnified by a whole number, so
// that its pixels can be told apart.
func Image(m image.Image, alt string) {
	if !Here() {
		return
	}
	b, err := picture(magnify(m), 1, alt, png.DefaultCompression)
	Must(err)
	mustShow(b)
}

// PNG shows an encoded picture; alt says in words what can be seen.
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

// figure is f as PNG and in words. Figures have two dots to a point of the
// screen each way.
func figure(f plots.Figure, effort png.CompressionLevel) (bundle, error) {
	return picture(f.Image(), 2, f.Alt, effort)
}

// picture encodes m, density of whose dots make one of the screen's pixels.
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
	look := map[string]any{"width": max(width, 1), "height": max(height, 1)}
	if alt == "" {
		alt = "a picture"
	} else {
		look["alt"] = alt
	}
	return bundle{
		data: map[protocol.MIMEType]any{
			protocol.MIMEImagePNG:  data,
			protocol.MIMETextPlain: alt,
		},
		metadata: map[string]any{string(protocol.MIMEImagePNG): look},
	}
}

// registerMetadata makes gob take metadata of one kind of data, a map within a
// map. The kernel knows that type under the same name.
var registerMetadata = sync.OnceFunc(func() { gob.Register(map[string]any{}) })

// magnify draws every pixel of a small picture as a square.
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
