package payload

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// Every kind fills packets of every length, whatever its messages would need, and
// the same way each time.
func TestAnyLengths(t *testing.T) {
	for _, udp := range []bool{false, true} {
		for _, k := range append(Kinds(udp), "no such kind") {
			for seed := range uint64(60) {
				text := func() string {
					r := rand.New(rand.NewPCG(seed, 7))
					var packets []Packet
					for i := range 1 + r.IntN(30) {
						most := []int{4, 60, 300, 1460, 40000}[r.IntN(5)]
						packets = append(packets, Packet{Up: r.IntN(2) == 0 || i == 0 && seed%3 > 0, Length: 1 + r.IntN(most)})
					}
					Fits(k, udp, packets)
					s := New(k, packets, Options{UDP: udp, Name: "www.example", Random: r})
					out := ""
					for _, p := range packets {
						b := make([]byte, p.Length)
						s.Next(p.Up, b)
						out += string(b)
					}
					return out
				}
				if first, second := text(), text(); first != second {
					t.Fatalf("%s, UDP %v, seed %d: other bytes the second time", k, udp, seed)
				}
			}
		}
		for n := 1; n < 700; n++ { // each length by itself, both ways
			for _, k := range Kinds(udp) {
				r := rand.New(rand.NewPCG(uint64(n), 8))
				packets := []Packet{{true, n}, {false, n}, {true, n}}
				s := New(k, packets, Options{UDP: udp, Name: "www.example", Random: r})
				for _, p := range packets {
					s.Next(p.Up, make([]byte, p.Length))
				}
			}
		}
	}
}

// The keys of Initial packets are those of RFC 9001, appendix A.1.
func TestInitialKeys(t *testing.T) {
	id, _ := hex.DecodeString("8394c8f03e515708")
	if iv := hex.EncodeToString(initialKeys(id, "client in").iv); iv != "fa044b2f42a3fd3b46fb255c" {
		t.Errorf("the client's IV is %s", iv)
	}
	if iv := hex.EncodeToString(initialKeys(id, "server in").iv); iv != "0ac1493ca1905853b0bba03e" {
		t.Errorf("the server's IV is %s", iv)
	}
}
