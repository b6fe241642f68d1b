package serve

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// gridImages is how many images a grid shows, gridColumns to a row; mostPictures is how
// many grids are kept.
const (
	gridImages   = 48
	gridColumns  = 12
	mostPictures = 100
)

// samples answers with a grid of a set's images, of the classes in turn.
func (s *Server) samples(w http.ResponseWriter, r *http.Request, run *runs.Run) {
	name := r.PathValue("name")
	// Only what was found is opened: the name comes from the address.
	if !slices.ContainsFunc(run.Samples, func(one runs.Samples) bool { return one.Path == name }) {
		http.Error(w, "the run has no such samples", http.StatusNotFound)
		return
	}
	dir := filepath.Join(run.Path, filepath.FromSlash(name))
	info, err := os.Stat(dataset.ManifestFile(dir))
	if err != nil {
		http.Error(w, "the samples are gone", http.StatusNotFound)
		return
	}
	version := fmt.Sprintf("%s %d %d", dir, info.Size(), info.ModTime().UnixNano())
	s.mu.Lock()
	picture := s.pictures[version]
	s.mu.Unlock()
	if picture == nil {
		if picture, err = grid(dir); err != nil {
			s.fail(w, err)
			return
		}
		s.keep(version, picture)
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(picture)
}

func (s *Server) keep(version string, picture []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == mostPictures {
		delete(s.pictures, s.order[0])
		s.order = s.order[1:]
	}
	s.pictures[version], s.order = picture, append(s.order, version)
}

func grid(dir string) ([]byte, error) {
	set, err := dataset.Open(dir, nil)
	if err != nil {
		return nil, err
	}
	each := max(1, gridImages/max(1, len(set.Classes)))
	taken := make([]int, len(set.Classes))
	var images []int
	for i, class := range set.Labels {
		if taken[class] < each && len(images) < gridImages {
			taken[class]++
			images = append(images, i)
		}
	}
	figure, err := plots.Grid(set.Select(images).Images, 0, gridColumns)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = plots.Encode(&b, "png", figure)
	return b.Bytes(), err
}

// report answers with the page of a report. It was written by this program, or by
// whoever made the folder: it may run nothing and ask for nothing.
func (s *Server) report(w http.ResponseWriter, r *http.Request, run *runs.Run) {
	i, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || i < 0 || i >= len(run.Reports) {
		http.Error(w, "the run has no such report", http.StatusNotFound)
		return
	}
	text, err := os.ReadFile(run.Reports[i].Page())
	if err != nil {
		http.Error(w, "the report has no page: evaluate again", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text)
}
