//go:build !race

// The race detector multiplies memory.

package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs/index"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/sweep"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

const mebi = 1 << 20

// slack is what the measurement is off by: what Go's collector had not returned yet.
const slack = 8 * mebi

// TestBombs gives every reader of files of others some that are made to take more than
// they hold. Each is done with in 64 MiB and 8 times the file's size of memory, and in
// some seconds. Those that are not marked as harmless are refused. In the short form each
// has two.
func TestBombs(t *testing.T) {
	type bomb struct {
		name     string
		file     func() []byte
		harmless bool // large, and sound: it is read
	}
	// filled is a text of about so many bytes.
	filled := func(size int, head, piece, tail string) []byte {
		return []byte(head + strings.Repeat(piece, max(1, (size-len(head)-len(tail))/len(piece))) + tail)
	}
	deep := func(head string) []bomb {
		return []bomb{
			{name: "lists in lists", file: func() []byte { return filled(4*mebi, head, "[", "") }},
			{name: "objects in objects", file: func() []byte { return filled(4*mebi, head, `{"a":`, "") }},
		}
	}
	// told are those that are shown as a problem of a run, not returned as an error.
	told := func(list []bomb) []bomb {
		for i := range list {
			list[i].harmless = true
		}
		return list
	}
	for _, r := range []struct {
		name  string
		file  string // in a folder of its own; the reader is given its path
		read  func(path string) error
		bombs []bomb
	}{
		{"traffic, table", "a.csv", flowsIn, []bomb{
			{name: "gzip of blanks", file: func() []byte { return gzipBomb("PL,LABEL\n\"", " ", 96*mebi) }},
			{name: "zstd of blanks", file: func() []byte { return zstdBomb("PL,LABEL\n\"", " ", 96*mebi) }},
			{name: "gzip of gzip", file: func() []byte { return gzipBomb("", string(gzipBomb("PL,LABEL\n\"", " ", 4*mebi)), 64*mebi) }},
			{name: "one column after the other", file: func() []byte { return filled(8*mebi, "PL_0", ",PL_1", "\n") }},
		}},
		{"traffic, JSON", "a.json", flowsIn, append(deep(""), bomb{name: "in a list of flows", file: func() []byte { return filled(4*mebi, `{"LABEL":"x","PL":[`, "[", "") }},
			bomb{name: "empty objects", file: func() []byte { return filled(4*mebi, "[{}", ",{}", "]") }, harmless: true})},
		{"traffic, Parquet", "a.parquet", flowsIn, parquetBombs(func(name string, file func() []byte) bomb { return bomb{name: name, file: file} })},
		{"series, Parquet", "a.parquet", seriesIn, parquetBombs(func(name string, file func() []byte) bomb { return bomb{name: name, file: file} })},
		{"series, table", "a.csv", seriesIn, []bomb{
			{name: "gzip of commas", file: func() []byte { return gzipBomb("time,b\n0,1\n", ",", 96*mebi) }},
			{name: "columns", file: func() []byte { return filled(8*mebi, "time", ",b", "\n0\n") }},
			{name: "a list in a cell", file: func() []byte { return filled(8*mebi, "label,b\nx,\"[", "1 ", "\"\n") }},
		}},
		{"series, JSON", "a.jsonl", seriesIn, append(deep(""), bomb{name: "empty objects", file: func() []byte { return filled(4*mebi, "[{}", ",{}", "]") }})},
		{"series, arrays", "a.npz", seriesIn, []bomb{
			{name: "deflated zeros", file: func() []byte { return zipped("b.npy", npyHeader("<f8", "(1, 20971520)"), 160*mebi) }},
			{name: "a shape that is not there", file: func() []byte { return append([]byte(npyHeader("<f8", "(1000000, 100000)")), make([]byte, 64)...) }},
		}},
		{"capture, pcap", "a.pcap", packetsIn, []bomb{
			{name: "a packet of 4 GiB", file: func() []byte {
				return append(pcapHead(), 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
			}, harmless: true},
			{name: "a packet of 256 MiB", file: func() []byte { return append(pcapHead(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x10) }, harmless: true},
			{name: "gzip of zeros", file: func() []byte { return gzipBomb(string(pcapHead()), "\x00", 96*mebi) }, harmless: true},
		}},
		{"capture, pcapng", "a.pcapng", packetsIn, []bomb{
			{name: "a block of 4 GiB", file: func() []byte { return pcapngOf(6, 0xfffffffc) }, harmless: true},
			{name: "a block of 256 MiB", file: func() []byte { return pcapngOf(6, 96*mebi) }, harmless: true},
			{name: "an interface of 1 GiB", file: func() []byte { return pcapngOf(1, 1<<30) }, harmless: true},
			{name: "names of 1 GiB", file: func() []byte { return pcapngOf(4, 1<<30) }, harmless: true},
		}},
		{"arrays", "a.npz", readArrays, []bomb{
			{name: "deflated zeros", file: func() []byte { return zipped("a.npy", npyHeader("|u1", "(167772160,)"), 160*mebi) }},
			{name: "deflated zeros by columns", file: func() []byte { return zipped("a.npy", npyHeaderOf("<f8", "(4096, 5120)", true), 160*mebi) }},
			{name: "a header of 4 GiB", file: func() []byte { return []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{") }},
			{name: "a header of 64 MiB", file: func() []byte { return zipped("a.npy", "\x93NUMPY\x02\x00\x00\x00\x00\x04{", 64*mebi) }},
			{name: "a shape in brackets", file: func() []byte { return []byte(npyHeader("<f8", strings.Repeat("(", 60000))) }},
			{name: "texts", file: func() []byte { return zipped("a.npy", npyHeader("<U20971520", "(2,)"), 160*mebi) }},
			{name: "a million entries", file: func() []byte { return entries(1 << 16) }, harmless: true},
		}},
		{"PyTorch", "a.pt", readTorch, []bomb{
			{name: "deflated zeros", file: func() []byte { return zipped("archive/data.pkl", "\x80\x02", 160*mebi) }},
			{name: "tuples that double", file: func() []byte { return zipped("archive/data.pkl", "\x80\x02N"+strings.Repeat("2\x86", 4*mebi)+".", 0) }},
			{name: "tuples in the memo", file: func() []byte {
				return zipped("archive/data.pkl", "\x80\x02N"+strings.Repeat("q\x00h\x00h\x00\x86", 1<<20)+".", 0)
			}},
			{name: "lists in lists", file: func() []byte {
				return zipped("archive/data.pkl", "\x80\x02"+strings.Repeat("]", 4*mebi)+strings.Repeat("a", 4*mebi-1)+".", 0)
			}},
			{name: "a string of 1 GiB", file: func() []byte { return zipped("archive/data.pkl", "\x80\x02X\x00\x00\x00\x40", 0) }},
			{name: "a number of 1 GiB", file: func() []byte { return zipped("archive/data.pkl", "\x80\x02\x8b\x00\x00\x00\x40", 0) }},
			{name: "a number of 1 MiB", file: func() []byte {
				return zipped("archive/data.pkl", "\x80\x02\x8b\x00\x00\x10\x00"+strings.Repeat("\xff", mebi)+".", 0)
			}},
			{name: "decimal digits", file: func() []byte { return zipped("archive/data.pkl", "\x80\x02L"+strings.Repeat("9", 2*mebi)+"L\n.", 0) }},
			{name: "old format, deep", file: func() []byte { return filled(8*mebi, "\x80\x02", "]", ".") }},
			{name: "a million entries", file: func() []byte { return entries(1 << 16) }},
		}},
		{"picture", "a.png", readPicture, []bomb{
			{name: "16384 x 16384", file: func() []byte { return pngOf(16384, 16384, 16, 6, 0) }},
			{name: "4 Gi x 4 Gi", file: func() []byte { return pngOf(0x7fffffff, 0x7fffffff, 8, 0, 0) }},
			{name: "more than it claims", file: func() []byte { return pngOf(8, 8, 8, 0, 96*mebi) }},
			{name: "as much as is allowed", file: func() []byte { return pngOf(5000, 5000, 8, 0, 5000*5001) }, harmless: true},
		}},
		{"data set, manifest", "manifest.json", readSetOf, append(deep(`{"format":"netdiffus dataset","version":1,"classes":`),
			bomb{name: "empty classes", file: func() []byte {
				return filled(4*mebi, `{"format":"netdiffus dataset","version":1,"layout":"samples","classes":[{}`, ",{}", "]}")
			}},
			bomb{name: "empty inputs", file: func() []byte {
				return filled(4*mebi, `{"format":"netdiffus dataset","version":1,"layout":"samples","inputs":[{}`, ",{}", "]}")
			}},
			bomb{name: "empty channels", file: func() []byte {
				return filled(4*mebi, `{"format":"netdiffus dataset","version":1,"layout":"samples","recipe":{"more_channels":[{}`, ",{}", "]}}")
			}},
			bomb{name: "empty tables", file: func() []byte {
				return filled(4*mebi, `{"format":"netdiffus dataset","version":1,"layout":"samples","recipe":{"length":2,"feature":"signed_length","codec":{"name":"atoms","tables":{"a":[{}`, ",{}", "]}}}}")
			}},
			bomb{name: "a long series", file: func() []byte {
				return []byte(`{"format":"netdiffus dataset","version":1,"layout":"samples","recipe":{"length":2000000000,"feature":"signed_length","codec":{"name":"minmax","min":-1,"max":1},"image":{"name":"gasf"}},"classes":[{"label":"a","path":"a","flows":2000000000}]}`)
			}},
		)},
		{"data set, array", "a.npz", readSet1, []bomb{
			{name: "deflated images", file: func() []byte { return zipped("images.npy", npyHeader("|u1", "(163840, 32, 32, 1)"), 160*mebi) }},
			{name: "no values", file: func() []byte { return []byte(npyHeader("<f8", "(1000000000, 0, 0, 1)")) }},
		}},
		{"data set, labels", "label_map.csv", readLabels, []bomb{
			{name: "an index of a billion", file: func() []byte { return []byte("a,1000000000\n") }},
			{name: "an index of a million", file: func() []byte { return []byte("a,1000000\n") }},
			{name: "an open quote", file: func() []byte { return filled(8*mebi, `"`, "x", "") }},
		}},
		{"settings", "config.json", readConfigOf, append(deep(`{"seed":`),
			bomb{name: "empty channels", file: func() []byte { return filled(4*mebi, `{"more_channels":[{}`, ",{}", "]}") }},
			bomb{name: "empty tables", file: func() []byte {
				return filled(4*mebi, `{"recipe":{"length":2,"feature":"signed_length","codec":{"name":"atoms","tables":{"a":[{}`, ",{}", "]}}}}")
			}},
			bomb{name: "members", file: func() []byte { return filled(4*mebi, `{"a":1`, `,"a":1`, "}") }},
		)},
		{"settings of a listed run", "config.json", readListed, append(told(deep(`{"seed":`)),
			bomb{name: "empty objects", file: func() []byte { return filled(4*mebi, `{"diffusion":{},"training":{},"chain":[{}`, ",{}", "]}") }, harmless: true},
			bomb{name: "numbers", file: func() []byte { return filled(4*mebi, `{"diffusion":{},"training":{},"chain":[1`, ",1", "]}") }, harmless: true},
		)},
		{"run, manifest", "manifest.json", func(path string) error {
			_, err := track.ReadManifest(filepath.Dir(path))
			return err
		}, append(deep(`{"sessions":`), bomb{name: "empty sessions", file: func() []byte { return filled(4*mebi, `{"sessions":[{}`, ",{}", "]}") }})},
		{"run, metrics", "metrics.jsonl", readMetrics, []bomb{
			{name: "one line", file: func() []byte { return filled(8*mebi, `{"step":1,"a":`, "1", "}\n") }, harmless: true},
			{name: "names", file: func() []byte { return filled(8*mebi, `{"step":1`, `,"a":1`, "}\n") }, harmless: true},
			{name: "steps", file: func() []byte { return filled(8*mebi, "", `{"step":1,"a":1}`+"\n", "") }, harmless: true},
			{name: "lists in lists", file: func() []byte { return filled(4*mebi, `{"step":`, "[", "") }, harmless: true},
		}},
		{"run, notes", "notes.json", func(path string) error {
			err := os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), []byte(`{"diffusion":{},"training":{}}`), 0o666)
			return errors.Join(err, readListed(path))
		}, []bomb{{name: "empty objects", file: func() []byte { return filled(4*mebi, `{"tags":["a"`, `,"a"`, "]}") }, harmless: true}}},
		{"checkpoint, weights", "model.safetensors", readTensors, []bomb{
			{name: "a header of 1 EiB", file: func() []byte { return []byte("\x00\x00\x00\x00\x00\x00\x00\x10{}") }},
			{name: "empty entries", file: func() []byte { return tensorFile(filled(4*mebi, `{"a":{}`, `,"a":{}`, "}")) }},
			{name: "a shape", file: func() []byte {
				return tensorFile(filled(4*mebi, `{"a":{"dtype":"F32","shape":[1`, ",1", `],"data_offsets":[0,4]}}`))
			}},
			{name: "tensors without values", file: func() []byte { return tensorFile(manyTensors(40_000)) }, harmless: true},
			{name: "lists in lists", file: func() []byte { return tensorFile(filled(4*mebi, `{"a":`, "[", "")) }},
		}},
		{"checkpoint, manifest", "manifest.json", func(path string) error {
			_, err := checkpoint.Open(filepath.Dir(path))
			return err
		}, append(deep(`{"format":"netdiffus-checkpoint/1","files":`), bomb{name: "files", file: func() []byte { return manyFiles(100_000) }})},
		{"report", "metrics.json", func(path string) error {
			_, err := runs.ReadReport(filepath.Dir(path))
			return err
		}, append(deep(`{"schema":"netdiffus-report/1","sizes":`),
			bomb{name: "empty sizes", file: func() []byte { return filled(4*mebi, `{"schema":"netdiffus-report/1","sizes":[{}`, ",{}", "]}") }},
			bomb{name: "empty rows", file: func() []byte {
				return filled(4*mebi, `{"schema":"netdiffus-report/1","sizes":[{"rows":[{}`, ",{}", "]}]}")
			}},
			bomb{name: "empty inputs", file: func() []byte { return filled(4*mebi, `{"schema":"netdiffus-report/1","inputs":[{}`, ",{}", "]}") }},
			bomb{name: "empty records", file: func() []byte {
				return filled(4*mebi, `{"schema":"netdiffus-report/1","sizes":[{}],"memorisation":{"rows":[{}`, ",{}", "]}}")
			}},
		)},
		{"sweep, results", "results.jsonl", func(path string) error {
			_, err := sweep.ReadResults(filepath.Dir(path))
			return err
		}, []bomb{
			{name: "short lines", file: func() []byte { return filled(4*mebi, "", `{"point":{}}`+"\n", "") }},
			{name: "settings", file: func() []byte { return filled(4*mebi, `{"trial":1,"point":{"a":[{}`, ",{}", "]}}\n") }},
			{name: "lists in lists", file: func() []byte { return filled(4*mebi, `{"trial":1,"point":`, "[", "\n") }},
		}},
		{"notebook", "a.ipynb", func(path string) error {
			_, err := jupyter.Read(path)
			return err
		}, append(deep(`{"nbformat":4,"cells":`),
			bomb{name: "empty cells", file: func() []byte { return filled(4*mebi, `{"nbformat":4,"cells":[{}`, ",{}", "]}") }},
			bomb{name: "empty outputs", file: func() []byte { return filled(4*mebi, `{"nbformat":4,"cells":[{"outputs":[{}`, ",{}", "]}]}") }},
			bomb{name: "metadata", file: func() []byte { return filled(4*mebi, `{"nbformat":4,"metadata":{"a":[{}`, ",{}", "]}}") }},
			bomb{name: "an image", file: func() []byte {
				return filled(16*mebi, `{"nbformat":4,"cells":[{"outputs":[{"data":{"image/png":"`, "A", `"}}]}]}`)
			}, harmless: true},
		)},
		{"connection file", "connection.json", func(path string) error {
			_, err := wire.ReadConnection(path)
			return err
		}, append(deep(`{"key":`), bomb{name: "a long key", file: func() []byte { return filled(4*mebi, `{"key":"`, "x", `"}`) }})},
		{"kernel", "kernel.json", func(path string) error {
			_, err := kernelspec.Read(filepath.Dir(path))
			return err
		}, append(deep(`{"argv":`), bomb{name: "arguments", file: func() []byte { return filled(4*mebi, `{"argv":[""`, `,""`, "]}") }})},
		{"profile", "profile.yaml", func(path string) error {
			_, err := connections.ReadProfile(path)
			return err
		}, []bomb{
			{name: "a billion laughs", file: func() []byte { return laughs() }},
			{name: "lists in lists", file: func() []byte { return filled(mebi, "a: ", "[", "") }},
			{name: "anchors", file: func() []byte { return filled(mebi, "", "&a ", "b") }},
		}},
		{"index of runs", "index.db", func(path string) error {
			x, err := index.Open(context.Background(), filepath.Dir(path))
			if err == nil {
				err = x.Close()
			}
			return err
		}, []bomb{ // a damaged index is made anew
			{name: "pages of another file", file: func() []byte { return filled(4*mebi, "SQLite format 3\x00\xff\xff", "\xff", "") }, harmless: true},
			{name: "a schema of 4 Gi pages", file: func() []byte {
				return append([]byte("SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20\x00\x00\x00\x01\xff\xff\xff\xff"), make([]byte, 4096)...)
			}, harmless: true},
		}},
	} {
		for i, b := range r.bombs {
			if i >= 2 && !longtest.On() {
				break
			}
			t.Run(r.name+"/"+b.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), r.file)
				file := b.file()
				if err := os.WriteFile(path, file, 0o666); err != nil {
					t.Fatal(err)
				}
				size := len(file)
				file = nil
				taken, spent, err := measured(t, func() error { return r.read(path) })
				if limit := int64(64*mebi + 8*size); taken > limit+slack {
					t.Errorf("%d bytes took %d MiB of memory, want %d at most", size, taken/mebi, limit/mebi)
				}
				if spent > 10*time.Second {
					t.Errorf("%d bytes took %v of processor time", size, spent)
				}
				if (err == nil) != b.harmless {
					t.Errorf("error %v, want one: %v", err, !b.harmless)
				}
				if len(fmt.Sprint(err)) > 2000 {
					t.Errorf("an error of %d bytes: %.200q…", len(err.Error()), err.Error())
				}
				t.Logf("%9d bytes: %4d MiB, %5d ms, %.150v", size, taken/mebi, spent.Milliseconds(), err)
			})
		}
	}
}

// measured does something, and returns the memory that the process took meanwhile beyond
// what it had, and the processor time.
func measured(t *testing.T, do func() error) (memory int64, spent time.Duration, err error) {
	t.Helper()
	debug.FreeOSMemory()
	// From here on the peak counts anew (proc(5), clear_refs).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o666); err != nil {
		t.Skipf("the system does not tell the peak of memory: %v", err)
	}
	before, began := peakMemory(t), processorTime(t)
	err = do()
	spent = processorTime(t) - began
	memory = peakMemory(t) - before
	return memory, spent, err
}

// peakMemory is the process's peak of resident memory, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(text, []byte("VmHWM:"))
	var kibi int64
	if _, err := fmt.Sscanf(string(after), "%d kB", &kibi); err != nil {
		t.Fatalf("no peak of memory: %v", err)
	}
	return kibi << 10
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func flowsIn(path string) error {
	for _, err := range (traffic.Reader{Warn: func(error) {}}).Read(path) {
		if err != nil {
			return err
		}
	}
	return nil
}

func seriesIn(path string) error {
	for _, err := range (series.Reader{Label: "x", Recognized: func(string, string) {}}).Read(path) {
		if err != nil {
			return err
		}
	}
	return nil
}

// withFile calls read with an open file and its size.
func withFile(path string, read func(file *os.File, size int64) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return read(file, info.Size())
}

// packetsIn reads a capture as flows; one that is cut off gives what comes before.
func packetsIn(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, _ = capture.Read(file, capture.Options{}, func(*capture.Biflow) bool { return true })
	_ = flowsIn(path)
	return nil
}

func readArrays(path string) error {
	f, err := npz.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, key := range f.Keys() {
		if _, _, err := f.Strings(key); err == nil {
			continue
		}
		if _, err := f.Read(key); err != nil {
			return err
		}
	}
	return nil
}

func readTorch(path string) error {
	f, err := pytorch.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.StateDict()
	return err
}

func readPicture(path string) error {
	return withFile(path, func(file *os.File, size int64) error {
		_, err := imaging.ReadPNG(file, size)
		return err
	})
}

func readSet1(path string) error {
	_, err := dataset.Open(path, nil)
	return err
}

func readSetOf(path string) error { return readSet1(filepath.Dir(path)) }

func readLabels(path string) error {
	return withFile(path, func(file *os.File, size int64) error {
		_, err := dataset.ReadLabelMap(file)
		return err
	})
}

func readConfigOf(path string) error {
	var cfg netdiffus.Config
	return track.ReadConfig(filepath.Dir(path), &cfg)
}

// readListed reads a run as lists show it; what is wrong with it is told, not an error.
func readListed(path string) error {
	if err := os.MkdirAll(track.Checkpoints(filepath.Dir(path)), 0o777); err != nil { // by which a run is known
		return err
	}
	_, err := runs.Open(context.Background(), filepath.Dir(path))
	return err
}

func readMetrics(path string) error {
	_, err := runs.ReadCurves(context.Background(), filepath.Dir(path), 100)
	return err
}

func readTensors(path string) error {
	return withFile(path, func(file *os.File, size int64) error {
		_, _, err := checkpoint.ReadTensors(file, size)
		return err
	})
}

// manyTimes is head and then piece, over and over, up to so many bytes.
func manyTimes(head, piece string, size int) io.Reader {
	block := strings.Repeat(piece, max(1, mebi/len(piece)))
	readers := []io.Reader{strings.NewReader(head)}
	for n := len(head); n < size; n += len(block) {
		readers = append(readers, strings.NewReader(block))
	}
	return io.MultiReader(readers...)
}

func gzipBomb(head, piece string, size int) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	io.Copy(w, manyTimes(head, piece, size))
	w.Close()
	return b.Bytes()
}

func zstdBomb(head, piece string, size int) []byte {
	var b bytes.Buffer
	w, _ := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	io.Copy(w, manyTimes(head, piece, size))
	w.Close()
	return b.Bytes()
}

// zipped is an archive of one entry: head and so many zeros.
func zipped(name, head string, zeros int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	h := &zip.FileHeader{Name: name, Method: zip.Store}
	if zeros > 0 {
		h.Method = zip.Deflate
	}
	w, _ := z.CreateHeader(h)
	io.Copy(w, io.MultiReader(strings.NewReader(head), io.LimitReader(zeroes{}, int64(zeros))))
	z.Close()
	return b.Bytes()
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// entries is an archive of n entries, most of them empty arrays of nothing.
func entries(n int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range n - 1 {
		w, _ := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
		io.WriteString(w, npyHeader("|u1", "(0,)"))
	}
	z.Close()
	return b.Bytes()
}

func npyHeader(dtype, shape string) string { return npyHeaderOf(dtype, shape, false) }

func npyHeaderOf(dtype, shape string, fortran bool) string {
	order := map[bool]string{false: "False", true: "True"}[fortran]
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", dtype, order, shape)
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(text)))) + text
}

func pcapHead() []byte {
	return []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}
}

// pcapngOf is a section with an interface and a block that claims so many bytes.
func pcapngOf(kind, length uint32) []byte {
	b := []byte{0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0,
		1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0}
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, length)
	return append(b, make([]byte, 4096)...)
}

// pngOf is a PNG that claims a size and has so many zeros of pixels.
func pngOf(width, height uint32, depth, color byte, zeros int) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		at := len(b)
		b = append(append(b, kind...), data...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[at:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(head, depth, color, 0, 0, 0))
	var pixels bytes.Buffer
	w, _ := zlib.NewWriterLevel(&pixels, zlib.BestSpeed)
	io.CopyN(w, zeroes{}, int64(zeros))
	w.Close()
	chunk("IDAT", pixels.Bytes())
	chunk("IEND", nil)
	return b
}

// tensorFile is a safetensors file of nothing but a header.
func tensorFile(header []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

func manyTensors(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `%s"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, map[bool]string{false: ",", true: "{"}[i == 0], i)
	}
	return append(b.Bytes(), '}')
}

func manyFiles(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"format":"netdiffus-checkpoint/1","files":{"":{}`)
	for i := range n {
		fmt.Fprintf(&b, `,"%d":{}`, i)
	}
	return append(b.Bytes(), "}}"...)
}

// laughs is YAML in which each line is ten times the one before.
func laughs() []byte {
	var b bytes.Buffer
	b.WriteString("a0: &a0 [lol]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	return b.Bytes()
}

// parquetBombs are footers, and pages, that claim much. The footer is FileMetaData in the
// compact protocol of Thrift.
func parquetBombs[T any](bomb func(name string, file func() []byte) T) []T {
	file := func(body, footer []byte) []byte {
		b := append([]byte("PAR1"), body...)
		b = append(b, footer...)
		return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), "PAR1"...)
	}
	nested := bytes.Repeat([]byte{0x1c}, 8*mebi) // a struct in a struct
	lists := append([]byte{0x19}, bytes.Repeat([]byte{0x19}, 8*mebi)...)
	huge := []byte{0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07} // two billion columns
	// A schema in which each group holds the next.
	var chain []byte
	chain = append(chain, 0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0x03)
	for range 1 << 16 {
		chain = append(chain, 0x48, 1, 'a', 0x15, 2, 0)
	}
	chain = append(chain, 0x16, 0, 0x19, 0x0c, 0)
	// A group with more fields than there are.
	wide := []byte{0x15, 2, 0x19, 0x1c, 0x48, 1, 'a', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0x16, 0, 0x19, 0x0c, 0}
	list := []T{
		bomb("structs in structs", func() []byte { return file(nil, nested) }),
		bomb("lists in lists", func() []byte { return file(nil, lists) }),
		bomb("two billion columns", func() []byte { return file(nil, huge) }),
		bomb("groups in groups", func() []byte { return file(nil, chain) }),
		bomb("a group of a billion", func() []byte { return file(nil, wide) }),
		bomb("a footer of 4 GiB", func() []byte { return []byte("PAR1PAR1PAR1\xff\xff\xff\xffPAR1") }),
		bomb("a page that is not there", func() []byte { return pagedParquet("snappy", []byte{0x80, 0x80, 0x80, 0x80, 0x08, 0}, 1<<30) }),
	}
	for name, pack := range map[string]func(size int) []byte{
		"snappy": func(size int) []byte { return snappy.Encode(nil, make([]byte, size)) },
		"zstd":   func(size int) []byte { return zstdBomb("", "\x00", size) },
		"gzip":   func(size int) []byte { return gzipBomb("", "\x00", size) },
	} {
		const size = 160 * mebi
		list = append(list,
			bomb("a page of "+name, func() []byte { return pagedParquet(name, pack(size), size) }),
			bomb("a page that lies, of "+name, func() []byte { return pagedParquet(name, pack(size), 1000) }),
		)
	}
	return list
}

// pagedParquet is a Parquet file of one row and one column b of texts, whose page claims
// to inflate to so many bytes.
func pagedParquet(codec string, packed []byte, inflated int) []byte {
	varint := func(b []byte, n int) []byte { return binary.AppendVarint(b, int64(n)) } // zigzag, as Thrift's
	text := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	page := []byte{0x15, 0} // type: data page
	page = varint(append(page, 0x15), inflated)
	page = varint(append(page, 0x15), len(packed))
	page = append(page, 0x2c)            // data_page_header, field 5
	page = varint(append(page, 0x15), 1) // num_values
	page = append(page, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0)
	body := append(page, packed...)

	f := []byte{0x15, 2, 0x19, 0x3c}
	f = append(text(append(f, 0x48), "root"), 0x15, 4, 0)
	for _, name := range []string{"LABEL", "PL"} {
		f = append(f, 0x15, 12, 0x25, 0) // type BYTE_ARRAY, required
		f = append(text(append(f, 0x18), name), 0x25, 0, 0)
	}
	f = append(varint(append(f, 0x16), 1), 0x19, 0x1c) // num_rows, one row group
	f = append(f, 0x19, 0x2c)
	for _, name := range []string{"LABEL", "PL"} {
		f = append(f, 0x26, 8, 0x1c)           // file_offset 4, meta_data
		f = append(f, 0x15, 12, 0x19, 0x15, 0) // type, encodings: plain
		f = text(append(f, 0x19, 0x18), name)
		f = append(f, 0x15, map[string]byte{"snappy": 2, "gzip": 4, "zstd": 12}[codec])
		f = varint(append(f, 0x16), 1)
		f = varint(append(f, 0x16), inflated)
		f = varint(append(f, 0x16), len(body))
		f = append(varint(append(f, 0x26), 4), 0, 0) // data_page_offset, field 9
	}
	f = varint(append(f, 0x16), inflated)
	f = append(varint(append(f, 0x16), 1), 0, 0)
	b := append(append([]byte("PAR1"), body...), f...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(f))), "PAR1"...)
}
