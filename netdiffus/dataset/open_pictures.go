package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// maxPictures bounds what the pictures of a set take in memory, bytes.
const maxPictures = 16 << 30

// garbage is how many bytes of pictures are read before what decoding them left
// behind is swept up.
const garbage = 64 << 20

// openFound opens pictures without a manifest.
func openFound(dir string, f found, o OpenOptions) (*Set, error) {
	classes, files, rows, err := labelled(f.pictures, o.ClassFrom)
	if err != nil {
		return nil, err
	}
	look, err := lookAt(files)
	if err != nil {
		return nil, err
	}
	r := o.Recipe
	if r.Rendering == nil {
		guess, err := guess(files)
		if err != nil {
			return nil, err
		}
		r.Rendering = &guess
	}
	if r.Length == 0 {
		r.Length = min(look.side, maxLength)
	}
	s, err := readPictures(dir, files, look, r, o)
	if err != nil {
		return nil, err
	}
	s.Classes = classes
	if !rows {
		s.Rows = nil
	}
	return s, s.check()
}

// openPictures opens a folder of the Pictures layout.
func openPictures(dir string, m manifest, o OpenOptions) (*Set, error) {
	var files []foundFile
	var classes []string
	for _, c := range m.Classes {
		entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(c.Path)))
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		n := 0
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".png") && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, foundFile{filepath.Join(dir, filepath.FromSlash(c.Path), e.Name()), []string{c.Label}})
				n++
			}
		}
		if n != c.Flows {
			return nil, fmt.Errorf("dataset: %s holds %d pictures, the manifest says %d", filepath.Join(dir, c.Path), n, c.Flows)
		}
		classes = append(classes, c.Label)
	}
	names, ordered, rows, err := labelled(files, FromLeaf)
	if err != nil {
		return nil, err
	}
	var look looked
	if len(files) > 0 {
		if look, err = lookAt(ordered); err != nil {
			return nil, err
		}
	} else {
		none := m.Recipe.NewImages(0)
		look = looked{side: none.H, gray: none.C == 1}
	}
	if want := m.Recipe.NewImages(0); o.Side == 0 && look.side != want.H {
		return nil, fmt.Errorf("dataset: %s: pictures of %d pixels, the manifest says %d", dir, look.side, want.H)
	}
	if o.Channels == 0 {
		o.Channels = m.Recipe.Rendering.Channels()
	}
	s, err := readPictures(dir, ordered, look, m.Recipe, o)
	if err != nil {
		return nil, err
	}
	s.Classes = classes
	places := map[string]int{}
	for i, class := range classes {
		places[class] = i
	}
	for i, label := range s.Labels { // classes without pictures have no name among the files
		s.Labels[i] = places[names[label]]
	}
	if !rows {
		s.Rows = nil
	}
	if err := s.readTable(dir, ordered); err != nil {
		return nil, err
	}
	return s, s.check()
}

// looked is what the pictures' first bytes say of all of them.
type looked struct {
	side int  // the height and width of all, 0 where they differ or are no squares
	gray bool // all are
	odd  string
}

// lookAt reads the sizes of all pictures.
func lookAt(files []flowFile) (looked, error) {
	look := looked{gray: true}
	for i, f := range files {
		c, err := pictureConfig(f.path)
		if err != nil {
			return look, err
		}
		if c.Width > 16*c.Height || c.Height > 16*c.Width {
			return look, fmt.Errorf("dataset: %s: a picture of %d x %d pixels, far from a square", f.path, c.Width, c.Height)
		}
		if i == 0 {
			look.side = c.Width
		}
		if (c.Width != look.side || c.Height != look.side) && look.odd == "" {
			look.odd = fmt.Sprintf("%s: a picture of %d x %d pixels beside others of %d", f.path, c.Width, c.Height, look.side)
			if i == 0 || c.Width == look.side {
				look.odd = fmt.Sprintf("%s: a picture of %d x %d pixels, which is no square", f.path, c.Width, c.Height)
			}
		}
		look.gray = look.gray && (c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model)
	}
	return look, nil
}

func pictureConfig(path string) (c struct {
	Width, Height int
	ColorModel    color.Model
}, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	config, err := png.DecodeConfig(file)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return c, fmt.Errorf("dataset: %s: the PNG file is truncated", path)
	case err != nil:
		return c, fmt.Errorf("dataset: %s: %w", path, err)
	case config.Width > imaging.MaxSide || config.Height > imaging.MaxSide:
		return c, fmt.Errorf("dataset: %s: claims %d x %d pixels: too large to be read", path, config.Width, config.Height)
	}
	c.Width, c.Height, c.ColorModel = config.Width, config.Height, config.ColorModel
	if _, palette := config.ColorModel.(color.Palette); palette {
		c.ColorModel = color.RGBAModel // which can be compared
	}
	return c, nil
}

// guess tells from some of the pictures how all were coloured.
func guess(files []flowFile) (imaging.Rendering, error) {
	const some = 32
	var pictures []imaging.Picture
	for i := 0; i < len(files); i += max(1, len(files)/some) {
		p, err := readPicture(files[i].path)
		if err != nil {
			return imaging.Rendering{}, err
		}
		pictures = append(pictures, p)
	}
	return imaging.Guess(pictures...), nil
}

func readPicture(path string) (imaging.Picture, error) {
	file, err := os.Open(path)
	if err != nil {
		return imaging.Picture{}, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return imaging.Picture{}, fmt.Errorf("dataset: %w", err)
	}
	p, err := imaging.ReadPNG(file, info.Size())
	if err != nil {
		return p, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return p, nil
}

// readPictures reads the pictures into a set without classes, resized as o says.
func readPictures(dir string, files []flowFile, look looked, r Recipe, o OpenOptions) (*Set, error) {
	side := o.Side
	if side == 0 {
		if side = look.side; look.odd != "" {
			return nil, fmt.Errorf("dataset: %s: give the size that all are to get (--image_size)", look.odd)
		}
	}
	channels := o.Channels
	if channels == 0 {
		if channels = 3; look.gray {
			channels = 1
		}
	}
	r, err := r.resized(side, channels)
	if err != nil {
		return nil, err
	}
	if need := float64(len(files)) * float64(side) * float64(side) * float64(channels); need > maxPictures {
		return nil, fmt.Errorf("dataset: %s: %d pictures of %d x %d pixels and %d channels take %.0f GB: choose a smaller size or fewer", dir, len(files), side, side, channels, need/1e9)
	}
	s := &Set{Recipe: r, Images: r.NewImages(len(files)), Labels: make([]int, len(files)), Rows: make([]int, len(files))}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var next atomic.Int64
	var failed error
	for range min(runtime.GOMAXPROCS(0), 8) {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				s.Labels[i], s.Rows[i] = files[i].label, files[i].row
				p, err := readPicture(files[i].path)
				if err == nil {
					copy(s.Images.Picture(i), p.Channels(channels).Square(side).Pix)
				}
				if each := max(1, garbage/len(s.Images.Picture(i))); len(s.Images.Bytes) > 4*garbage && i%each == each-1 {
					runtime.GC() // else what decoding leaves behind grows as large as the set
				}
				mu.Lock()
				if err != nil && failed == nil {
					failed = err
					next.Store(int64(len(files)))
				}
				if o.Progress != nil && (i+1)%64 == 0 {
					o.Progress(i+1, len(files))
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return s, failed
}

// resized is r for pictures of that size and depth.
func (r Recipe) resized(side, channels int) (Recipe, error) {
	p := *r.Rendering
	p.Side, p.Depth = side, 0
	if p.Color != "jet" || channels != 3 {
		p.Depth = channels
	}
	r = r.withDefaults()
	r.Rendering = &p
	if err := p.Validate(); err != nil {
		return r, fmt.Errorf("dataset: %w", err)
	}
	return r, nil
}

// completed is r, which a manifest gave, with what more says where r does not
// know it.
func (r Recipe) completed(more Recipe) Recipe {
	if more.Feature != nil {
		r.Feature = more.Feature
	}
	if more.Codec != nil && !r.fitted() {
		r.Codec = more.Codec
	}
	if more.Length != 0 && r.Rendering != nil {
		r.Length = more.Length
	}
	if p := more.Rendering; p != nil && r.Rendering != nil && r.Rendering.Color == "" {
		known := *r.Rendering
		known.Color, known.Gamma = p.Color, p.Gamma
		r.Rendering = &known
	}
	return r
}

// readTable reads flows.csv, if there is one: the flows' lengths, and their
// packets of 0 bytes.
func (s *Set) readTable(dir string, files []flowFile) error {
	name := filepath.Join(dir, flowsName)
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	index := make(map[string]int, len(files))
	for i, f := range files {
		rel, err := filepath.Rel(dir, f.path)
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		index[filepath.ToSlash(rel)] = i
	}
	s.Lengths = make([]int, len(files))
	for i := range s.Lengths {
		s.Lengths[i] = -1
	}
	table := csv.NewReader(file)
	table.FieldsPerRecord = 5
	for first := true; ; first = false {
		fields, err := table.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("dataset: %s: %w", name, err) // which names the line itself
		}
		if i, here := index[path.Clean(fields[0])]; here && !first {
			if err := s.readLine(i, fields); err != nil {
				line, _ := table.FieldPos(0)
				return fmt.Errorf("dataset: %s: line %d: %w", name, line, err)
			}
		}
	}
	s.forgetUnknown()
	return nil
}

// readLine takes what flows.csv says of picture i.
func (s *Set) readLine(i int, fields []string) error {
	if fields[3] == "" {
		return nil
	}
	n, err := strconv.Atoi(fields[3])
	if err != nil || n < 0 || n > maxLength {
		return fmt.Errorf("%q packets", fields[3])
	}
	s.Lengths[i] = n
	var places []int
	for _, word := range strings.Fields(fields[4]) {
		place, err := strconv.Atoi(word)
		if err != nil {
			return fmt.Errorf("zero_down: %q is no place", word)
		}
		places = append(places, place)
	}
	s.setZeroDown(i, places)
	return nil
}
