package report

// Verdict is the report in plain words.
type Verdict struct {
	Headline string   `json:"headline"`
	Points   []string `json:"points"`
}

func (r *Report) judge() Verdict { return Verdict{} }
