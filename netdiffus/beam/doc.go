// Package beam runs NetDiffus on Apache Beam: converting flows to images, drawing samples
// and judging them as pipelines that Beam's runners (Prism, Flink, Spark, Dataflow) carry
// out on many machines. It is a module of its own, so that nobody else has to load Beam.
//
// The pipelines take what they read and write by Beam's file systems: a path is a local
// one, or has the scheme of one that the program imports, such as "gs://bucket/runs/first"
// with
//
//	import _ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
//
// Beam may do every piece of work again: because a worker died, because it was slow, or
// because it was taken for dead. So a piece is something whose result is known beforehand
// to the byte (a shard of samples has its own streams of random numbers), its files get
// their names when they are complete, the manifest last, and a piece that is there is kept.
// A pipeline that failed is run again and goes on.
//
// A program that runs pipelines calls Main first, which makes a process that a runner
// started a worker.
package beam
