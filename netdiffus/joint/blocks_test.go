package joint

import "testing"

// TestBlocks: blocks double up to the largest size, and each sample has a place of its own.
func TestBlocks(t *testing.T) {
	b := Blocks{First: 3, Most: 10}
	sizes := []int{3, 6, 10, 10, 10}
	i := uint64(0)
	for number, size := range sizes {
		for at := range size {
			gotNumber, gotSize, gotAt := b.of(i)
			if gotNumber != uint64(number) || gotSize != size || gotAt != at {
				t.Errorf("sample %d is number %d of block %d, of %d, want number %d of block %d, of %d", i, gotAt, gotNumber, gotSize, at, number, size)
			}
			i++
		}
	}
	if number, size, at := (Blocks{First: 4, Most: 4}).of(1 << 40); number != 1<<38 || size != 4 || at != 0 {
		t.Errorf("sample 2^40 is number %d of block %d, of %d", at, number, size)
	}
}
