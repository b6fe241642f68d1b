package capture

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// bulk writes a capture of about the given number of bytes: 20,000 flows of
// TCP and UDP over Ethernet, packets of 60 to 1,514 bytes as a backbone's mix
// has them (40 % small, 20 % middle, 40 % full).
func bulk(size int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := binary.LittleEndian.AppendUint32(nil, magicMicro)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, linkEthernet, 0, 0, 0)
	at := int64(1_700_000_000_000_000) // microseconds
	frame := make([]byte, 1514)
	for len(b) < size {
		n := 60
		switch x := r.IntN(10); {
		case x >= 6:
			n = 1514
		case x >= 4:
			n = 60 + r.IntN(1454)
		}
		flow, up := r.Uint32N(20000), r.IntN(2) == 0
		p := frame[:n]
		binary.BigEndian.PutUint16(p[12:], etherIPv4)
		p[14], p[23] = 0x45, protoTCP
		binary.BigEndian.PutUint16(p[16:], uint16(n-14))
		client, server := uint32(0xc0000200)+flow%250, uint32(0xc6336400)+flow%199
		cport, sport := uint16(1024+flow), uint16(443)
		if !up {
			client, server, cport, sport = server, client, sport, cport
		}
		binary.BigEndian.PutUint32(p[26:], client)
		binary.BigEndian.PutUint32(p[30:], server)
		binary.BigEndian.PutUint16(p[34:], cport)
		binary.BigEndian.PutUint16(p[36:], sport)
		p[46], p[47] = 0x50, 0x10
		for _, v := range []uint32{uint32(at / 1e6), uint32(at % 1e6), uint32(n), uint32(n)} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, p...)
		at += r.Int64N(200)
	}
	return b
}

// BenchmarkCapture reads a 64 MiB capture and assembles its flows (10 packets
// each): the figure is bytes of capture a second.
func BenchmarkCapture(b *testing.B) {
	file := bulk(64 << 20)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		_, err := Read(bytes.NewReader(file), Options{MaxPackets: 10}, func(f *Biflow) bool { n += f.Len(); return true })
		if err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			b.Fatal("no packets")
		}
	}
}
