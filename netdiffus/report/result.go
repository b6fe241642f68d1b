package report

import "slices"

// Report is everything that was measured.
type Report struct {
	Schema   string   `json:"schema"`
	Settings settings `json:"settings"`
	Inputs   []Input  `json:"inputs"`
	Classes  []class  `json:"classes"`
	Notes    []string `json:"notes"` // what to know before reading the figures
	Verdict  verdict  `json:"verdict"`
	Images   *images  `json:"images,omitempty"`
	Sizes    []Size   `json:"sizes"` // rising numbers of flows a class
	// The shares of flows are those of all classes, the mean, and ClassShares those of
	// each, at the size of the verdict.
	*shares
	ClassShares  map[string]shares `json:"class_shares,omitempty"`
	Memorisation memorisation      `json:"memorisation"`
	Privacy      *privacyReport    `json:"privacy,omitempty"`
	Augmentation []augmentation    `json:"augmentation,omitempty"`
	Fingerprint  *fingerprints     `json:"fingerprint,omitempty"`
	Anomaly      *anomalies        `json:"anomaly,omitempty"`

	*subject
	e *evaluation // for the pictures
	// own is the baseline that the synthetic records' own model is, but for its images; "" where there is none.
	own string
}

// settings are the options in force.
type settings struct {
	Record       string   `json:"record,omitempty"`       // "series"; flows have none
	Channels     []string `json:"channels,omitempty"`     // of series
	Step         float64  `json:"step_seconds,omitempty"` // of series, 0 where it is unknown
	SeriesLength int      `json:"length"`                 // packets a flow, bins a series
	Seeds        int      `json:"seeds"`
	Trees        int      `json:"trees"`
	Unsigned     bool     `json:"unsigned"` // the synthetic flows have no directions: nothing uses any
	Features     []string `json:"features"` // of the classifiers, SeriesLength numbers of each
	Tasks        []Task   `json:"tasks"`
	Judges       []string `json:"judges"`
	Merged       string   `json:"merged_chain,omitempty"` // of flows: the settings that were chosen
}

// class is a label and how many flows have it.
type class struct {
	Label     string `json:"label"`
	Train     int    `json:"train"`
	Test      int    `json:"test"`
	Synthetic int    `json:"synthetic"`
}

// Size is everything at one number of flows a class.
type Size struct {
	PerClass int  `json:"per_class"` // 0 where it is as many as were trained on
	All      bool `json:"all,omitempty"`
	// Draws is how many independent draws of the synthetic flows there are: as
	// many as seeds where there are flows enough, and 1 where each draw takes all.
	Draws float64 `json:"independent_draws"`
	// Short is whether some class has fewer synthetic flows than that, while the
	// baselines have all.
	Short bool `json:"short,omitempty"`
	// Rows are the synthetic flows, the baselines, and all training flows, which are
	// a ceiling rather than a baseline.
	Rows []Row `json:"rows"`
}

// Row is one source of flows and what was measured of it.
type Row struct {
	Source  string            `json:"source"`
	Flows   int               `json:"flows"`   // of all classes, in one draw
	Figures map[string]Spread `json:"figures"` // docs/metrics.md lists the names
	// Classes are the same by label, for figures that a class has.
	Classes map[string]map[string]Spread `json:"classes,omitempty"`
}

// Row returns the size's row of that source.
func (s Size) Row(source string) Row {
	i := slices.IndexFunc(s.Rows, func(r Row) bool { return r.Source == source })
	if i < 0 {
		return Row{}
	}
	return s.Rows[i]
}

// main is the size that the verdict is on: the largest that all classes have
// synthetic flows enough for, or else the smallest.
func (r *Report) main() Size { return r.Sizes[r.mainIndex()] }

func (r *Report) mainIndex() int {
	for i, s := range slices.Backward(r.Sizes) {
		if !s.Short {
			return i
		}
	}
	return 0
}
