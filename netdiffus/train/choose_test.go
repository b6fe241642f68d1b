package train

import (
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
)

func TestBestWay(t *testing.T) {
	way := func(name string, copies, accuracy, fourGram, detection float64) sample.MeasuredWay {
		return sample.MeasuredWay{Way: netdiffus.Way{Name: name}, Figures: joint.Figures{Copies: copies, Accuracy: accuracy, FourGram: fourGram, Detection: detection}}
	}
	held := joint.Figures{Copies: 0.2}
	base := way("base", 0.1, 0.8, 0.2, 0.6)
	for _, c := range []struct {
		ways []sample.MeasuredWay
		want string
	}{
		{[]sample.MeasuredWay{base}, "base"},
		{[]sample.MeasuredWay{base, way("as good", 0.1, 0.8, 0.2, 0.6)}, "base"},
		{[]sample.MeasuredWay{base, way("better", 0.1, 0.85, 0.21, 0.55)}, "better"},
		{[]sample.MeasuredWay{base, way("more accurate, and found out", 0.1, 0.85, 0.2, 0.72)}, "base"},
		{[]sample.MeasuredWay{base, way("more accurate, and found a little", 0.1, 0.85, 0.2, 0.68)}, "more accurate, and found a little"},
		{[]sample.MeasuredWay{base, way("copies", 0.3, 0.9, 0.1, 0.5)}, "base"},
		{[]sample.MeasuredWay{way("copies", 0.4, 0.9, 0.1, 0.5), way("copies less", 0.3, 0.8, 0.2, 0.6)}, "copies less"},
	} {
		if got := bestWay(c.ways, held); got.Name != c.want {
			t.Errorf("of %+v: %s, want %s", c.ways, got.Name, c.want)
		}
	}
}
