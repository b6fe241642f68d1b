package train

import (
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

func TestMirror(t *testing.T) {
	img := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} // [2,3,2]
	mirror(img, 3, 2)
	if want := []float32{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}; !slices.Equal(img, want) {
		t.Errorf("mirrored %v, want %v", img, want)
	}
}

// TestFeedOfPictures: pixel b is b/127.5 − 1, and with random_flip about half of
// the pictures come mirrored, the same ones for the same step.
func TestFeedOfPictures(t *testing.T) {
	set := &dataset.Set{Classes: []string{"a"}, Labels: []int{0}, Images: imaging.NewPictures(1, 1, 2, 1)}
	copy(set.Images.Bytes, []uint8{0, 255})
	cfg := netdiffus.Default()
	cfg.Training.BatchSize = 200
	for _, flip := range []bool{false, true} {
		cfg.Training.RandomFlip = flip
		f := newFeed(set, cfg.Training, 1, false)
		x := f.draw(t.Context(), 3).x
		if !slices.Equal(x, f.draw(t.Context(), 3).x) {
			t.Error("the same step is drawn twice otherwise")
		}
		mirrored := 0
		for pair := range slices.Chunk(x, 2) {
			switch {
			case pair[0] == 1 && pair[1] == -1:
				mirrored++
			case pair[0] != -1 || pair[1] != 1:
				t.Fatalf("pixels %v", pair)
			}
		}
		if !flip && mirrored != 0 || flip && (mirrored < 60 || mirrored > 140) { // 5 standard deviations
			t.Errorf("random_flip %v: %d of 200 are mirrored", flip, mirrored)
		}
	}
}
