package classify

import "context"

// Features returns what a trained network makes of rows, a vector of one width each.
type Features func(ctx context.Context, rows [][]float64) ([][]float64, error)

// Featurer trains a network to classify the rows of a table and returns its features:
// what it has of a row before the last layer.
type Featurer func(ctx context.Context, train Table, seed uint64) (Features, error)
