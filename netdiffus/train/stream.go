package train

import (
	"context"
	"math/rand/v2"
	"sort"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Sizes of what is read at once and held. The order of the images follows from them: a run
// that goes on under other sizes would be another run.
const (
	chunkImages = 64       // images that lie next to each other in a file, at most
	chunkBytes  = 64 << 10 // of them, as float32, about
	windowBytes = 32 << 20 // images that are shuffled among each other, as float32, of all classes
)

// stream reads the images of a stored set, or of one of its classes, in an order shuffled
// anew each epoch: the chunks of the files are put in an order, and taken by so many at a
// time, a window, whose images are shuffled. So the disk is read in pieces and memory is that
// of two windows, the one in use and the next, which is read meanwhile. Everything follows
// from the seed and the position, so that a run goes on from its step alone.
type stream struct {
	set     *dataset.Stored
	pixels  int // of an image
	seed    uint64
	key     uint64                      // of its random streams
	held    func(class, image int) bool // images that are left out; nil leaves out none
	chunks  []chunk
	n       int // images in the chunks
	windows int // chunks in a window

	epoch  int
	order  []int // the chunks, in the epoch's order; nil before the first
	starts []int // by window, the images of the epoch before it

	current window
	ahead   chan window // what is being read; nil where nothing is
}

// chunk is images of a class that lie next to each other.
type chunk struct {
	class, first, n int32 // n of them from first
	kept            int32 // those that are not held out
}

// window is images ready to be taken, in their order.
type window struct {
	epoch, number int
	labels        []int32
	images        []float32
	err           error
}

// newStream reads the classes of set, drawn by key. share is the part of windowBytes that
// is its own.
func newStream(set *dataset.Stored, classes []int, seed, key uint64, share float64, held func(class, image int) bool) *stream {
	im := set.Head().Images
	s := &stream{set: set, pixels: im.Pixels(), seed: seed, key: key, held: held}
	bytes := 4 * s.pixels
	each := max(1, min(chunkImages, chunkBytes/bytes))
	for _, class := range classes {
		count := set.Counts()[class]
		for first := 0; first < count; first += each {
			c := chunk{class: int32(class), first: int32(first), n: int32(min(each, count-first))}
			c.kept = c.n
			for i := range int(c.n) {
				if held != nil && held(class, first+i) {
					c.kept--
				}
			}
			s.chunks = append(s.chunks, c)
			s.n += int(c.kept)
		}
	}
	s.windows = max(8, int(share*windowBytes)/(each*bytes))
	s.current.number = -1
	return s
}

// read writes the image at position p of the endless stream into dst and returns its class.
func (s *stream) read(ctx context.Context, p int, dst []float32) (class int32, err error) {
	epoch, at := p/s.n, p%s.n
	s.begin(epoch)
	number := sort.Search(len(s.starts), func(w int) bool { return s.starts[w] > at }) - 1
	if s.current.epoch != epoch || s.current.number != number {
		if err := s.turn(ctx, epoch, number); err != nil {
			return 0, err
		}
	}
	at -= s.starts[number]
	copy(dst, s.current.images[at*s.pixels:(at+1)*s.pixels])
	return s.current.labels[at], nil
}

// begin puts the chunks in the order of an epoch.
func (s *stream) begin(epoch int) {
	if s.order != nil && s.epoch == epoch {
		return
	}
	s.epoch, s.order, s.starts = epoch, s.orderOf(epoch), s.starts[:0]
	images := 0
	for i, c := range s.order {
		if i%s.windows == 0 {
			s.starts = append(s.starts, images)
		}
		images += int(s.chunks[c].kept)
	}
}

func (s *stream) orderOf(epoch int) []int {
	return noise.Stream(s.seed, s.key, uint64(epoch)).Perm(len(s.chunks))
}

// turn makes the window the current one, and has the next one read.
func (s *stream) turn(ctx context.Context, epoch, number int) error {
	w, there := s.take(epoch, number)
	if !there {
		w = s.load(ctx, epoch, number, s.order, window{})
	}
	if w.err != nil {
		return w.err
	}
	used := s.current
	s.current = w
	order := s.order
	if number++; number == len(s.starts) {
		epoch, number = epoch+1, 0
		order = s.orderOf(epoch)
	}
	s.ahead = make(chan window, 1)
	go func(ahead chan<- window) { ahead <- s.load(ctx, epoch, number, order, used) }(s.ahead)
	return nil
}

// take returns the window that was read ahead, if it is the one that is asked for.
func (s *stream) take(epoch, number int) (w window, there bool) {
	if s.ahead == nil {
		return w, false
	}
	w = <-s.ahead // it ends early where the context of read does
	s.ahead = nil
	return w, w.epoch == epoch && w.number == number
}

// stop waits until nothing is read any more, which the end of read's context brings about.
func (s *stream) stop() {
	if s.ahead != nil {
		<-s.ahead
		s.ahead = nil
	}
}

// load reads a window of the epoch whose chunks are in this order, into the memory of one
// that is no longer used.
func (s *stream) load(ctx context.Context, epoch, number int, order []int, used window) (w window) {
	w = window{epoch: epoch, number: number, labels: used.labels[:0], images: used.images[:0]}
	order = order[number*s.windows : min((number+1)*s.windows, len(order))]
	n := 0
	for _, c := range order {
		n += int(s.chunks[c].kept)
	}
	if cap(w.images) < n*s.pixels {
		w.images, w.labels = make([]float32, 0, n*s.pixels), make([]int32, 0, n)
	}
	w.images, w.labels = w.images[:n*s.pixels], w.labels[:n]
	places := noise.Stream(s.seed, s.key, uint64(epoch), uint64(number)).Perm(n)
	at := 0
	for _, c := range order {
		if w.err = ctx.Err(); w.err != nil {
			return w
		}
		one := s.chunks[c]
		pixels, err := s.set.Read(int(one.class), int(one.first), int(one.n))
		if err != nil {
			w.err = err
			return w
		}
		for i := range int(one.n) {
			if s.held != nil && s.held(int(one.class), int(one.first)+i) {
				continue
			}
			place := places[at]
			at++
			w.labels[place] = one.class
			for j, v := range pixels[i*s.pixels : (i+1)*s.pixels] {
				w.images[place*s.pixels+j] = float32(v)
			}
		}
	}
	return w
}

// heldBy returns which images of a class are held out: each with the probability share, by
// a hash of the seed, its class and its number.
func heldBy(seed uint64, share float64) func(class, image int) bool {
	limit := uint64(share * (1 << 63))
	return func(class, image int) bool {
		var r rand.PCG
		r.Seed(seed^uint64(class)<<40, uint64(image))
		r.Uint64() // numbers that follow each other are still alike in the first
		return r.Uint64()>>1 < limit
	}
}

// readHeld reads about most of the images held out, which are so many in all: the first of
// each class in proportion.
func readHeld(set *dataset.Stored, held func(class, image int) bool, all, most int) (*dataset.Set, error) {
	out := set.Head()
	share := min(1, float64(most)/float64(max(1, all)))
	for class, count := range set.Counts() {
		of := 0
		for i := range count {
			if held(class, i) {
				of++
			}
		}
		for i, left := 0, min(of, max(1, int(share*float64(of)))); left > 0; i++ {
			if !held(class, i) {
				continue
			}
			image, err := set.Read(class, i, 1)
			if err != nil {
				return nil, err
			}
			out.Images.Append(image)
			out.Labels = append(out.Labels, class)
			left--
		}
	}
	return out, nil
}
