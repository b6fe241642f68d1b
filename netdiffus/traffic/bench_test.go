package traffic

import (
	"os"
	"path/filepath"
	"testing"
)

const benchFlows = 100_000

// benchFile writes flows of 10 packets on average.
func benchFile(b *testing.B) (string, int64) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "f.parquet")
	if err := WriteParquet(path, All(randomFlows(benchFlows, 10))); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return path, info.Size()
}

// BenchmarkRead reads flows of 10 packets with their times; MB/s are of the
// compressed file.
func BenchmarkRead(b *testing.B) {
	path, size := benchFile(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Read(path) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != benchFlows {
			b.Fatalf("read %d flows", n)
		}
	}
	b.ReportMetric(float64(b.N)*benchFlows/b.Elapsed().Seconds(), "flows/s")
}

func BenchmarkWriteParquet(b *testing.B) {
	path, size := benchFile(b)
	flows := randomFlows(benchFlows, 10)
	b.SetBytes(size)
	for b.Loop() {
		if err := WriteParquet(path, All(flows)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchFlows/b.Elapsed().Seconds(), "flows/s")
}
