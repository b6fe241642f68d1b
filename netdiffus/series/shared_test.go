package series

import (
	"os"
	"testing"
)

// The files of ../shared/data that issue and docs speak of are read as they are.
func TestSharedSeries(t *testing.T) {
	for path, want := range map[string]int{"video-titles-train.parquet": 1600, "video-titles-test.parquet": 400, "video-platforms-test.parquet": 0} {
		path = "../../../shared/data/series/" + path
		if _, err := os.Stat(path); err != nil {
			t.Skipf("the data are not here: %v", err)
		}
		all, err := Collect(quiet(Reader{}).Read(path))
		if err != nil || want != 0 && len(all) != want {
			t.Errorf("%s: %d series, %v", path, len(all), err)
		}
		if s := all[0]; s.Bins() != 64 || s.Channels[0] != "BYTES" || s.Units[0] != "bytes" {
			t.Errorf("%s: %d bins of %q in %q", path, s.Bins(), s.Channels, s.Units)
		}
	}
}
