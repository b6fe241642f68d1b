package pytorch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Write writes value to the file at path as torch.save does, in the zip format
// and with protocol 2, so that torch.load reads it with weights_only=True. A
// value is nil, a bool, int, int64, float64, string, *List, Tuple, *Dict (an
// OrderedDict when it is read) or Tensor; State makes one of a state dict. The
// file appears when it is complete and on the disk.
func Write(path string, value any) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("pytorch: %w", err)
	}
	defer f.Abort()
	if err := encode(f, value); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return fmt.Errorf("pytorch: %w", err)
	}
	return nil
}

// State is a state dict: the tensors by name.
func State(tensors []Named) *Dict {
	d := &Dict{}
	for _, t := range tensors {
		d.Set(t.Name, t.Tensor)
	}
	return d
}

// archivePrefix is what torch.save calls an archive that it writes to a stream.
const archivePrefix = "archive/"

// encode writes what Write writes to w. The same value gives the same bytes.
func encode(w io.Writer, value any) error {
	p := pickler{}
	p.WriteString("\x80\x02")
	if err := p.value(value, 0); err != nil {
		return fmt.Errorf("pytorch: %w", err)
	}
	p.WriteByte('.')
	a := archive{zip: zip.NewWriter(w)}
	a.add("data.pkl", p.Bytes())
	a.add("byteorder", []byte("little"))
	for i, t := range p.tensors {
		a.add("data/"+strconv.Itoa(i), t.Data)
	}
	a.add("version", []byte("3\n"))
	if a.err == nil {
		a.err = a.zip.Close()
	}
	if a.err != nil {
		return fmt.Errorf("pytorch: %w", a.err)
	}
	return nil
}

// archive writes stored entries whose data lie at multiples of alignment, as
// torch.load(mmap=True) needs it.
type archive struct {
	zip *zip.Writer
	at  int64 // bytes written
	err error
}

const alignment = 64

// Sizes in the zip format: a local header without name and extra field, and an
// extra field without content.
const (
	localHeader = 30
	extraHeader = 4
)

func (a *archive) add(name string, data []byte) {
	if a.err != nil {
		return
	}
	h := &zip.FileHeader{Name: archivePrefix + name, Method: zip.Store}
	//lint:ignore SA1019 Modified would write the time a second time, in a form of its own
	h.ModifiedDate = 1<<5 | 1 // 1980-01-01, the zip format's first day
	h.CRC32 = crc32.ChecksumIEEE(data)
	h.UncompressedSize64, h.CompressedSize64 = uint64(len(data)), uint64(len(data))
	before := a.at + localHeader + int64(len(h.Name)) + extraHeader
	pad := -before & (alignment - 1)
	h.Extra = append([]byte{'F', 'B', byte(pad), 0}, make([]byte, pad)...)
	entry, err := a.zip.CreateRaw(h)
	if err == nil {
		_, err = entry.Write(data)
	}
	a.at, a.err = before+pad+int64(len(data)), err
}

// pickler writes a value as a pickle and collects its tensors.
type pickler struct {
	bytes.Buffer
	tensors []Tensor
}

// maxDepth bounds the nesting of what is written: a value may hold itself.
const maxDepth = 100

func (p *pickler) value(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		p.WriteByte('N')
	case bool:
		p.WriteByte(map[bool]byte{true: 0x88, false: 0x89}[v])
	case int:
		p.integer(int64(v))
	case int64:
		p.integer(v)
	case float64:
		p.WriteByte('G')
		p.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
	case string:
		p.WriteByte('X')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(v))))
		p.WriteString(v)
	case Tensor:
		return p.tensor(v)
	case Tuple:
		p.WriteByte('(')
		if err := p.items(v, depth); err != nil {
			return err
		}
		p.WriteByte('t')
	case *List:
		p.WriteString("](")
		if err := p.items(v.Items, depth); err != nil {
			return err
		}
		p.WriteByte('e')
	case *Dict:
		p.WriteString("ccollections\nOrderedDict\n)R(")
		for _, item := range v.Items {
			if err := p.items([]any{item.Key, item.Value}, depth); err != nil {
				return err
			}
		}
		p.WriteByte('u')
	default:
		return fmt.Errorf("a %s cannot be written", kindOf(v))
	}
	return nil
}

func (p *pickler) items(items []any, depth int) error {
	for _, item := range items {
		if err := p.value(item, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (p *pickler) integer(n int64) {
	if n == int64(int32(n)) {
		p.WriteByte('J')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return
	}
	p.WriteString("\x8a\x08")
	p.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

// storageClasses are PyTorch's classes by our types.
var storageClasses = func() map[string]string {
	classes := make(map[string]string, len(storageTypes))
	for class, dtype := range storageTypes {
		classes[dtype] = class
	}
	return classes
}()

// tensor writes a call of _rebuild_tensor_v2 with a storage of its own.
func (p *pickler) tensor(t Tensor) error {
	if err := t.check(); err != nil {
		return err
	}
	class, ok := storageClasses[t.DType]
	if !ok {
		return fmt.Errorf("a tensor of type %s cannot be written", t.DType)
	}
	key := strconv.Itoa(len(p.tensors))
	p.tensors = append(p.tensors, t)
	shape, stride := make(Tuple, len(t.Shape)), make(Tuple, len(t.Shape))
	values := 1
	for i := len(t.Shape) - 1; i >= 0; i-- {
		shape[i], stride[i] = t.Shape[i], values
		values *= max(t.Shape[i], 1) // as PyTorch's own strides of empty tensors
	}
	p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
	p.value("storage", 0)
	p.WriteString("ctorch\n" + class + "\n")
	p.value(key, 0)
	p.value("cpu", 0)
	p.value(len(t.Data)/dtypeBytes[t.DType], 0)
	p.WriteString("tQ")
	p.value(0, 0)
	p.value(shape, 0)
	p.value(stride, 0)
	p.value(false, 0)
	p.WriteString("ccollections\nOrderedDict\n)RtR")
	return nil
}
