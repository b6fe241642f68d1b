package tables

import "github.com/parquet-go/parquet-go"

// runKey is the key, in the metadata of a Parquet file, of the ID of the training run whose
// samples the file holds.
const runKey = "netdiffus.run"

// OfRun is the option of a writer of Parquet that names the run; "" names none.
func OfRun(id string) parquet.WriterOption {
	if id == "" {
		return &parquet.WriterConfig{}
	}
	return parquet.KeyValueMetadata(runKey, id)
}

// Run returns the ID of the run whose samples p holds, "" where it does not say.
func (p *Parquet) Run() string {
	id, _ := p.file.Lookup(runKey)
	return id
}
