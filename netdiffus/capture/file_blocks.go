package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/window"
)

// blockFrames reads pcapng (draft-ietf-opsawg-pcapng): sections of blocks, each
// section with a byte order and interfaces of its own.
type blockFrames struct {
	w          *window.Window
	order      binary.ByteOrder
	interfaces []captureInterface
	last       int64 // time of the frame before, nanoseconds: what an untimed frame gets
}

// captureInterface is the content of an interface description block.
type captureInterface struct {
	link   uint32
	snap   uint32 // largest captured length, bytes; 0 means no bound
	offset int64  // seconds to add to its time stamps
	// A time stamp counts 1/ticks seconds; binary means 1/2^ticks.
	ticks  uint64
	binary bool
}

// Block types.
const (
	blockInterface = 1
	blockOldPacket = 2 // obsolete since 2004, still met
	blockSimple    = 3
	blockPacket    = 6
)

// maxBlock bounds the blocks that are held in memory, bytes: those of a packet
// with its options and of an interface. Others are passed over unread.
const maxBlock = maxFrame + 1<<16

// openBlocks starts on a file of which the first four bytes are taken.
func openBlocks(w *window.Window) (*blockFrames, error) {
	b := &blockFrames{w: w}
	if err := b.section(0); err != nil {
		if damage, ok := errors.AsType[*Damage](err); ok {
			return nil, errors.New(damage.What)
		}
		return nil, err
	}
	return b, nil
}

func (b *blockFrames) Next(f *Frame) error {
	for {
		at := b.w.Offset
		head, err := b.w.Take(4)
		if err == io.EOF {
			return err
		}
		if err != nil {
			return cutShort(err, at, "the file ends within a block's header")
		}
		kind := b.order.Uint32(head)
		if kind == magicBlocks {
			if err := b.section(at); err != nil {
				return err
			}
			continue
		}
		if head, err = b.w.Take(4); err != nil {
			return cutShort(err, at, "the file ends within a block's header")
		}
		size := b.order.Uint32(head)
		if size < 12 || size%4 != 0 {
			return &Damage{Offset: at, What: fmt.Sprintf("a block claims %d bytes", size)}
		}
		switch kind {
		case blockInterface, blockPacket, blockSimple, blockOldPacket:
		default:
			if err := b.pass(size, at); err != nil {
				return err
			}
			continue
		}
		body, err := b.body(size, at)
		if err != nil {
			return err
		}
		if kind == blockInterface {
			err = b.describe(body)
		} else {
			err = b.frame(kind, body, f)
		}
		if err != nil {
			return &Damage{Offset: at, What: err.Error()}
		}
		if kind != blockInterface {
			return nil
		}
	}
}

// section reads a section header from its length on.
func (b *blockFrames) section(at int64) error {
	head, err := b.w.Take(8)
	if err != nil {
		return cutShort(err, at, "the file ends within a section's header")
	}
	switch uint32(0x1a2b3c4d) {
	case binary.LittleEndian.Uint32(head[4:]):
		b.order = binary.LittleEndian
	case binary.BigEndian.Uint32(head[4:]):
		b.order = binary.BigEndian
	default:
		return &Damage{Offset: at, What: "a section header without the byte-order mark"}
	}
	size := b.order.Uint32(head)
	if size < 28 || size%4 != 0 {
		return &Damage{Offset: at, What: fmt.Sprintf("a section header claims %d bytes", size)}
	}
	version, err := b.w.Take(2)
	if err != nil {
		return cutShort(err, at, "the file ends within a section's header")
	}
	if major := b.order.Uint16(version); major != 1 {
		return &Damage{Offset: at, What: fmt.Sprintf("a section of pcapng version %d, want 1", major)}
	}
	b.interfaces = b.interfaces[:0]
	// Type, length, mark and major version are behind us.
	return b.pass(size-6, at)
}

// pass skips the rest of a block of which 8 bytes of size are behind us, and
// checks its tail.
func (b *blockFrames) pass(size uint32, at int64) error {
	if err := b.w.Skip(int64(size) - 12); err != nil {
		return cutShort(err, at, "the file ends within a block")
	}
	if _, err := b.w.Take(4); err != nil {
		return cutShort(err, at, "the file ends within a block")
	}
	return nil
}

// body takes the rest of a block of size bytes and returns it without its tail.
func (b *blockFrames) body(size uint32, at int64) ([]byte, error) {
	if size > maxBlock {
		return nil, &Damage{Offset: at, What: fmt.Sprintf("a packet's block claims %d bytes", size)}
	}
	body, err := b.w.Take(int(size) - 8)
	if err != nil {
		return nil, cutShort(err, at, "the file ends within a block")
	}
	n := len(body) - 4
	if again := b.order.Uint32(body[n:]); again != size {
		return nil, &Damage{Offset: at, What: fmt.Sprintf("a block claims %d bytes at its head and %d at its tail", size, again)}
	}
	return body[:n], nil
}

// describe takes in an interface description block.
func (b *blockFrames) describe(body []byte) error {
	if len(body) < 8 {
		return errors.New("an interface's block is too short")
	}
	if len(b.interfaces) == math.MaxUint16 {
		return errors.New("more than 65,535 interfaces")
	}
	in := captureInterface{
		link:  uint32(b.order.Uint16(body)),
		snap:  b.order.Uint32(body[4:]),
		ticks: 1e6,
	}
	const resolution, offset = 9, 14 // if_tsresol, if_tsoffset
	for options := body[8:]; len(options) >= 4; {
		code, n := b.order.Uint16(options), int(b.order.Uint16(options[2:]))
		padded := (n + 3) &^ 3
		if options = options[4:]; code == 0 || padded > len(options) {
			break
		}
		switch value := options[:n]; {
		case code == resolution && n == 1:
			in.binary = value[0]&0x80 != 0
			in.ticks = uint64(value[0] & 0x7f)
			if in.binary && in.ticks > 63 || !in.binary && in.ticks > 19 {
				return fmt.Errorf("an interface's time stamps have resolution %#x", value[0])
			}
			if !in.binary {
				in.ticks = pow10(in.ticks)
			}
		case code == offset && n == 8:
			in.offset = int64(b.order.Uint64(value))
		}
		options = options[padded:]
	}
	b.interfaces = append(b.interfaces, in)
	return nil
}

func pow10(n uint64) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// nanoseconds turns a time stamp into nanoseconds since 1970, held between
// 1970 and 2262 so that differences of two fit an int64 as well.
func (in *captureInterface) nanoseconds(stamp uint64) int64 {
	var seconds, rest uint64
	if in.binary {
		seconds, rest = stamp>>in.ticks, stamp&(1<<in.ticks-1)
		hi, lo := bits.Mul64(rest, 1e9)
		rest = lo >> in.ticks
		if in.ticks > 0 {
			rest |= hi << (64 - in.ticks)
		}
	} else {
		seconds, rest = stamp/in.ticks, stamp%in.ticks
		hi, lo := bits.Mul64(rest, 1e9)
		rest, _ = bits.Div64(hi, lo, in.ticks) // hi < ticks since rest < ticks and 1e9 < 2^64
	}
	const most = math.MaxInt64/1_000_000_000 - 1
	whole := int64(min(seconds, most))
	if in.offset > 0 {
		whole += min(in.offset, most-whole)
	} else {
		whole += max(in.offset, -whole)
	}
	return whole*1e9 + int64(rest)
}

// frame takes a packet out of its block.
func (b *blockFrames) frame(kind uint32, body []byte, f *Frame) error {
	simple := kind == blockSimple
	head := 20
	if simple {
		head = 4
	}
	if len(body) < head {
		return errors.New("a packet's block is too short")
	}
	data := body[head:]
	var id, captured uint32 // a simple packet is of the first interface
	switch kind {
	case blockPacket:
		id = b.order.Uint32(body)
	case blockOldPacket:
		id = uint32(b.order.Uint16(body))
	}
	if uint64(id) >= uint64(len(b.interfaces)) {
		return fmt.Errorf("a packet of interface %d, where %d are described", id, len(b.interfaces))
	}
	in := &b.interfaces[id]
	length := b.order.Uint32(body[head-4:])
	if simple {
		captured = length
		if in.snap > 0 {
			captured = min(captured, in.snap)
		}
	} else {
		captured = b.order.Uint32(body[12:])
		b.last = in.nanoseconds(uint64(b.order.Uint32(body[4:]))<<32 | uint64(b.order.Uint32(body[8:])))
	}
	if uint64(captured) > uint64(len(data)) {
		return fmt.Errorf("a packet claims %d captured bytes in a block of %d", captured, len(data))
	}
	*f = Frame{Link: in.link, Time: b.last, Timed: !simple, Data: data[:captured], Length: int(max(captured, length))}
	return nil
}
