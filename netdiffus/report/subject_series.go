package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/baseline"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// ofSeries are time series, as the subject of an evaluation. A record's values are those
// of its channels one after the other, in units of the channel's standard deviation over
// the training series.
var ofSeries = &subject{
	one: "series", many: "series", recordName: "series",
	figures: seriesFigures, memoryFigures: seriesMemoryFigures, groups: seriesGroups, sources: seriesSources,
	pictures:  seriesPictures,
	yardstick: "copula",
	tasks:     []Task{Classification, Augmentation, Anomaly},
	few:       []int{5, 10, 20, 80},
	perClass:  []int{100, 400},
	eachSize:  true,
	slowSizes: 1,
	unit:      "standard deviations a value", unitKey: "deviations",
	blank:   func(record) bool { return false },
	repeats: "real series are like each other", caution: "values are drawn near those of single series",
	attacked: []string{"copula", "ar", "markov1", "jitter", "smote"}, shadow: "copula", tolerance: 0.05,
	features: func(_ *reference, one record, _ bool) []float64 { return one.values },
	names:    func(r *reference) []string { return r.channels },
	nearest:  nearestSeries,
}

// nearCopy is how much nearer to its closest training series than to the next one a near
// copy is: of real series most are about as far from both.
const nearCopy = 0.75

// nearestSeries are the distances to the closest training series; one that is within 3/4
// of the distance to the next closest is a near copy. This needs no unit, and does not
// call smooth series copies, which are nearer to all others than real ones are.
func nearestSeries(records, train []record) (distance []float64, near []bool) {
	for _, d := range metric.ClosestTwo(rows(records), rows(train)) {
		distance = append(distance, d[0])
		near = append(near, d[0] == 0 || d[0] <= nearCopy*d[1] && !math.IsInf(d[1], 1))
	}
	return distance, near
}

// The groups of the figures of series.
var (
	seriesShapeGroup  = &group{title: "shape", doc: "series-shape"}
	seriesWholeGroup  = &group{title: "whole series", doc: "series-whole"}
	seriesValueGroup  = &group{title: "values", doc: "series-values"}
	seriesUseGroup    = useGroup
	seriesMemoryGroup = &group{title: "memorisation", doc: "series-memorisation"}
)

var seriesGroups = []*group{seriesWholeGroup, seriesShapeGroup, seriesValueGroup}

// seriesFigures are all figures of a [Row] of series. To add one, add it here, its
// function to package metric and its definition to docs/metrics.md.
var seriesFigures = []figure{
	{"tstr_accuracy", "TSTR accuracy", "", higher, "forest trained on these series, tested on real ones: share classified correctly", seriesUseGroup, inSummary, ofScore(tstr, accuracy)},
	{"tstr_f1", "TSTR macro F1", "", higher, "the same: mean F1 of the classes", seriesUseGroup, 0, ofScore(tstr, macroF1)},
	{"trts_accuracy", "TRTS accuracy", "", higher, "forest trained on all real training series, tested on these", seriesUseGroup, 0, ofScore(trts, accuracy)},
	{"trts_f1", "TRTS macro F1", "", higher, "the same: mean F1 of the classes", seriesUseGroup, 0, ofScore(trts, macroF1)},

	{"detection_auc", "detection AUC", "", evenChance, "forest that separates these from test series, all classes together: 0.5 is chance", seriesWholeGroup, inSummary | inVerdict | inPicture, ofAll(detectionOfAll)},
	{"cnn_frechet", "Fréchet", "", lower, "features of a CNN that classifies real series, mean of four networks", seriesWholeGroup, inSummary | inVerdict | inPicture, ofNetworks(metric.Frechet)},
	{"mmd", "MMD²", "", lower, "the values, Gaussian kernel, unbiased", seriesWholeGroup, inVerdict | inClasses | inPicture, ofClass(seriesMMD)},
	{"coverage", "coverage", "", higher, "share of the test series with one of these in their neighbourhood", seriesWholeGroup, inSummary | inVerdict | inClasses, ofClass(coverage)},
	{"nearest", "nearest", "", neither, "distance to the nearest training series, in units of the test series' own", seriesWholeGroup, inSummary | inClasses, ofClass(nearestRatio)},
	{"near_duplicates", "near copies", "", neither, "share much nearer to one training series than to the next", seriesWholeGroup, inClasses, ofClass(nearDuplicates)},

	{"autocorrelation", "autocorrelation gap", "", lower, "mean over the lags up to a quarter of the series", seriesShapeGroup, inSummary | inVerdict | inClasses | inPicture, ofChannels(autocorrelationGap)},
	{"spectrum", "spectral distance", "", lower, "mean |ln ratio| of the power spectra", seriesShapeGroup, inSummary | inVerdict | inClasses | inPicture, ofChannels(spectralDistance)},
	{"cross_correlation", "cross-correlation gap", "", lower, "of channels, mean over pairs and lags −3 to 3", seriesShapeGroup, inVerdict | inClasses | inPicture, ofClass(crossCorrelationGap).given(needChannels)},
	{"silence", "silence", "", neither, "share of the values that are 0", seriesShapeGroup, inClasses, ofChannels(silence).given(needSilence)},
	{"silence_tv", "silence runs TV", "", lower, "total variation of how long runs of 0 are", seriesShapeGroup, inVerdict | inClasses | inPicture, ofChannels(silenceRuns).given(needSilence)},

	{"w1_place", "W1 by place", "sd", lower, "Wasserstein distance of the values of each bin, mean over the bins", seriesValueGroup, inSummary | inVerdict | inClasses | inPicture, ofChannels(func(test, drawn [][]float64) float64 { return metric.OverPlaces(metric.Wasserstein, test, drawn) })},
	{"ks_place", "KS by place", "", lower, "Kolmogorov-Smirnov statistic of the same", seriesValueGroup, inClasses, ofChannels(func(test, drawn [][]float64) float64 { return metric.OverPlaces(metric.KS, test, drawn) })},
	{"w1", "W1", "sd", lower, "Wasserstein distance of all values of the class", seriesValueGroup, 0, ofChannels(pooledValues(metric.Wasserstein))},
	{"ks", "KS", "", lower, "Kolmogorov-Smirnov statistic of the same", seriesValueGroup, 0, ofChannels(pooledValues(metric.KS))},
	{"w1_total", "W1 of totals", "sd", lower, "Wasserstein distance of the series' sums, over their standard deviation", seriesValueGroup, inVerdict | inClasses | inPicture, ofChannels(totals)},
}

// seriesMemoryFigures are the figures of the memorisation, in the same manner.
var seriesMemoryFigures = []figure{
	{"exact_duplicates", "exact copies", "", neither, "of a training series of the class", seriesMemoryGroup, 0, ofMemory(exactCopies)},
	{"near_duplicates", "near copies", "", neither, "nearer to one than 3/4 of the distance to the next, exact ones too", seriesMemoryGroup, 0, ofMemory(nearCopies)},
	{"closest_record_mean", "closest record", "sd", neither, "mean distance to the nearest training series, a value", seriesMemoryGroup, 0, ofMemory(meanClosest)},
	{"closest_train", "to train", "sd", neither, "the same, of as many training series as there are test series", seriesMemoryGroup, 0, ofMemory(meanToTrain)},
	{"closest_test", "to test", "sd", neither, "mean distance to the nearest test series", seriesMemoryGroup, 0, ofMemory(meanToTest)},
	{"closer_to_train", "nearer to train", "", neither, "share nearer to these training series than to the test series: 0.5 is even", seriesMemoryGroup, 0, ofMemory(closerToTrain)},
	{"membership_auc", "attack AUC", "", neither, "membership inference, 0.5 is guessing", seriesMemoryGroup, 0, ofMemory(attackAUC)},
	{"membership_auc_distinct", "attack AUC, distinct", "", neither, "among series that no other real series equals", seriesMemoryGroup, 0, ofMemory(attackDistinctAUC)},
}

// seriesSources are the synthetic series and their baselines, in the order of the tables.
// To add a baseline, add it here and to package baseline.
var seriesSources = []source{
	{synthesised, "synthetic", "synthetic", "synthetic", syntheticKind, withSlowJudges | inTasks | inClosest, fitSynthetic},
	{realSubset, "real, as many", "real series", "real", realKind, withSlowJudges | inTasks, fitReal},
	{"copula", "Gaussian copula", "the Gaussian copula", "copula", baselineKind, withSlowJudges | inTasks | inClosest, fitBaseline("copula")},
	{"ar", "autoregression", "the autoregression", "AR", baselineKind, inTasks, fitBaseline("ar")},
	{"block", "block bootstrap", "the block bootstrap", "blocks", baselineKind, 0, fitBaseline("block")},
	{"markov1", "Markov, order 1", "Markov order 1", "Markov 1", baselineKind, 0, fitBaseline("markov1")},
	{"markov2", "Markov, order 2", "Markov order 2", "Markov 2", baselineKind, 0, fitBaseline("markov2")},
	{independent, "independent places", "independent places", "independent", baselineKind, inClosest, fitBaseline("independent")},
	{"jitter", "jittered real", "jittered real series", "jitter", baselineKind, inClosest, fitBaseline("jitter")},
	{"smote", "SMOTE", "SMOTE", "SMOTE", baselineKind, inTasks | inClosest, fitBaseline("smote")},
}

// fitBaseline fits a baseline to the training series.
func fitBaseline(name string) func(context.Context, *evaluation) (drawer, error) {
	return func(ctx context.Context, e *evaluation) (drawer, error) {
		kind, err := baseline.Find(name)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		d := baseline.Data{Classes: e.classes, Traces: make([][][][]float64, len(e.classes))}
		for c, records := range e.train {
			for _, one := range records {
				d.Traces[c] = append(d.Traces[c], e.raw(one))
			}
		}
		model, err := kind.Fit(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		return func(n []int, seed uint64) (sample, error) {
			out := make(sample, len(e.classes))
			for c := range out {
				r := noise.Stream(seed, noise.Key(name), uint64(c))
				for range n[c] {
					out[c] = append(out[c], e.newSeries(model.Draw(c, r)))
				}
			}
			return out, nil
		}, nil
	}
}

// SeriesData is what is compared of series. All have the same channels, in any order, and
// as many bins.
type SeriesData struct {
	Train     []series.Series // what the generator was trained on
	Test      []series.Series // real series that it has not seen
	Synthetic []series.Series
	Others    []Other[series.Series] // what other generators made; may be nil
	Inputs    []Input                // where they are from; the report has it
}

// RunSeries measures series. It fails where there is nothing to compare.
func RunSeries(ctx context.Context, d SeriesData, o Options) (*Report, error) {
	o, err := o.withDefaults(ofSeries)
	if err != nil {
		return nil, err
	}
	e := &evaluation{Options: o}
	roles, lists, names := []string{"training", "test", "synthetic"}, [][]series.Series{d.Train, d.Test, d.Synthetic}, []string(nil)
	for _, other := range d.Others {
		names, lists = append(names, other.Name), append(lists, other.Records)
	}
	if e.reference, err = newSeriesReference(append(roles, names...), lists...); err != nil {
		return nil, err
	}
	e.trees = o.Trees
	if err := e.arrange(e.labelled(d.Train), e.labelled(d.Test), e.labelled(d.Synthetic)); err != nil {
		return nil, err
	}
	var others []labelledOther
	for _, other := range d.Others {
		others = append(others, labelledOther{other.Name, e.labelled(other.Records), other.Even})
	}
	if err := e.addOthers(others); err != nil {
		return nil, err
	}
	e.silent = hasZeros(e.test)
	if err := e.fit(ctx); err != nil {
		return nil, err
	}
	if err := e.trainNetworks(ctx); err != nil {
		return nil, err
	}
	return e.run(ctx, d.Inputs)
}

// newSeriesReference is the shape and the scale of series: the first list, which must not
// be empty, has both.
func newSeriesReference(roles []string, lists ...[]series.Series) (*reference, error) {
	if len(lists[0]) == 0 {
		return nil, fmt.Errorf("report: no %s series", roles[0])
	}
	first := lists[0][0]
	r := &reference{subject: ofSeries, channels: first.Channels, length: first.Bins(), width: first.Step}
	for k := range first.Channels {
		r.units = append(r.units, first.Unit(k))
	}
	for i, list := range lists {
		for k, s := range list {
			if err := s.Check(); err != nil {
				return nil, fmt.Errorf("report: %s series %d: %w", roles[i], k+1, err)
			}
			if s.Bins() != r.length || !sameNames(s.Channels, r.channels) {
				return nil, fmt.Errorf("report: %s series %d has %d bins of %s, the first %s series %d of %s: want the same channels and as many bins of all",
					roles[i], k+1, s.Bins(), strings.Join(s.Channels, ", "), roles[0], r.length, strings.Join(r.channels, ", "))
			}
		}
	}
	for k := range r.channels {
		var n, mean, squares float64
		for _, s := range lists[0] {
			for _, v := range r.channelOf(s, k) {
				n++
				gap := v - mean
				mean += gap / n
				squares += gap * (v - mean)
			}
		}
		sd := math.Sqrt(squares / n)
		if !(sd > 1e-12*math.Abs(mean)) {
			sd = 1 // a channel that does not vary is compared unscaled
		}
		r.deviations = append(r.deviations, sd)
	}
	return r, nil
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// channelOf are the values of channel k, which s may have at another place.
func (r *reference) channelOf(s series.Series, k int) []float64 {
	return s.Values[slices.Index(s.Channels, r.channels[k])]
}

func (r *reference) labelled(list []series.Series) []labelled {
	out := make([]labelled, len(list))
	for i, s := range list {
		values := make([][]float64, len(r.channels))
		for k := range values {
			values[k] = r.channelOf(s, k)
		}
		out[i] = labelled{s.Label, r.newSeries(values)}
	}
	return out
}

// newSeries is the record of values by channel and bin.
func (r *reference) newSeries(values [][]float64) record {
	var out []float64
	for k, x := range values {
		for _, v := range x {
			out = append(out, v/r.deviations[k])
		}
	}
	return record{values: out}
}

// raw are a record's values by channel and bin, in their own unit.
func (r *reference) raw(one record) [][]float64 {
	out := make([][]float64, len(r.channels))
	for k := range out {
		for _, v := range r.channel(one, k) {
			out[k] = append(out[k], v*r.deviations[k])
		}
	}
	return out
}

// channel are the values of one channel of a record.
func (r *reference) channel(one record, k int) []float64 {
	return one.values[k*r.length : (k+1)*r.length]
}

// channelRows are the values of one channel of records.
func (r *reference) channelRows(records []record, k int) [][]float64 {
	return each(records, func(one record) []float64 { return r.channel(one, k) })
}
