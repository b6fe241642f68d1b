// Package data is the project's own sample traffic, as a part of the program.
// README.md beside this file says how it was captured and what is in it.
package data

import _ "embed"

// Loopback is the file loopback.parquet: labelled flows with columns PL, IAT,
// DIR and LABEL, up to 32 packets each.
//
//go:embed loopback.parquet
var Loopback []byte

// Titles is the file titles.parquet: 720 time series of twelve streamed videos, with
// list columns bytes_down and bytes_up of 64 bins of 75 ms, label, trace and step.
//
//go:embed titles.parquet
var Titles []byte
