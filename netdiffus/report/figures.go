package report

import (
	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// group is a table of figures. Groups whose figures no source has are not shown.
type group struct {
	title string
	doc   string // the section of docs/metrics.md that defines the figures
	// folded groups are shown on demand, and without a heading of their own.
	folded bool
	note   string // above a folded table
}

// The groups.
var (
	useGroup          = &group{title: "use", doc: "use-classification"}
	structureGroup    = &group{title: "order and structure", doc: "fidelity-whole-flows"}
	wholeGroup        = &group{title: "whole flows", doc: "fidelity-detection-and-coverage"}
	lengthGroup       = &group{title: "payload length (PL)", doc: "fidelity-single-packets"}
	directionGroup    = &group{title: "direction (DIR)", doc: "fidelity-single-packets"}
	timeGroup         = &group{title: "times between packets (IAT)", doc: "times"}
	imageGroup        = &group{title: "images", doc: "fidelity-images"}
	exactGroup        = &group{title: "to the byte", doc: "fidelity-whole-flows", folded: true}
	allGroup          = &group{doc: "fidelity-single-packets", folded: true, note: "All packets together, each class with its share of the test flows:"}
	allDirectionGroup = &group{doc: "fidelity-single-packets", folded: true}
	memoryGroup       = &group{title: "memorisation", doc: "memorisation"}
)

// flowGroups are the groups of the page's section on fidelity, in this order.
var flowGroups = []*group{structureGroup, wholeGroup, lengthGroup, directionGroup, timeGroup, imageGroup, exactGroup, allGroup, allDirectionGroup}

func accuracy(s classify.Score) float64 { return s.Accuracy }
func macroF1(s classify.Score) float64  { return s.MacroF1 }

// flowFigures are all figures of a [Row] of flows. To add one, add it here, its function to
// package metric and its definition to docs/metrics.md.
var flowFigures = []figure{
	{"tstr_accuracy", "TSTR accuracy", "", higher, "forest trained on these flows, tested on real ones: share classified correctly", useGroup, inSummary, ofScore(tstr, accuracy)},
	{"tstr_f1", "TSTR macro F1", "", higher, "the same: mean F1 of the classes", useGroup, inSummary, ofScore(tstr, macroF1)},
	{"trts_accuracy", "TRTS accuracy", "", higher, "forest trained on all real training flows, tested on these", useGroup, 0, ofScore(trts, accuracy)},
	{"trts_f1", "TRTS macro F1", "", higher, "the same: mean F1 of the classes", useGroup, 0, ofScore(trts, macroF1)},

	{"hd_pl", "Hellinger PL", "", lower, "payload lengths in 10 bins over the real class", lengthGroup, inSummary | inVerdict | inClasses | inPicture, binned(lengths, metric.Hellinger)},
	{"js_pl", "JS PL", "bits", lower, "Jensen-Shannon divergence of the same", lengthGroup, 0, binned(lengths, metric.JensenShannon)},
	{"tv_pl", "TV PL", "", lower, "total variation of the same", lengthGroup, 0, binned(lengths, metric.TotalVariation)},
	{"w1_pl", "W1 PL", "bytes", lower, "Wasserstein distance of payload lengths", lengthGroup, inClasses, sampled(lengths, metric.Wasserstein)},
	{"ks_pl", "KS PL", "", lower, "Kolmogorov-Smirnov statistic of payload lengths", lengthGroup, inClasses, sampled(lengths, metric.KS)},
	{"seen", "seen in class", "", neither, "share of packets whose signed length the class's training flows have", lengthGroup, inClasses, ofClass(seen)},

	{"hd_dir", "Hellinger DIR", "", lower, "directions", directionGroup, inSummary | inClasses | inPicture, tallied(directions, metric.Hellinger).given(needDirections)},
	{"js_dir", "JS DIR", "bits", lower, "directions", directionGroup, 0, tallied(directions, metric.JensenShannon).given(needDirections)},
	{"tv_dir", "TV DIR", "", lower, "directions", directionGroup, 0, tallied(directions, metric.TotalVariation).given(needDirections)},
	{"w1_dir", "W1 DIR", "", lower, "directions", directionGroup, 0, sampled(directions, metric.Wasserstein).given(needDirections)},
	{"ks_dir", "KS DIR", "", lower, "directions", directionGroup, 0, sampled(directions, metric.KS).given(needDirections)},

	{"length_tv", "length TV", "", lower, "total variation of the packets a flow", structureGroup, inSummary | inVerdict | inClasses | inPicture, ofClass(lengthVariation)},
	{"first_tv", "first packet TV", "", lower, "total variation of the first packet, to the byte", structureGroup, inVerdict, tallied(firsts, metric.TotalVariation)},
	{"bigram_js", "bigram JS", "bits", lower, "pairs of neighbours, lengths in 64 cells", structureGroup, inSummary | inVerdict | inClasses | inPicture, grams(2)},
	{"trigram_js", "trigram JS", "bits", lower, "runs of three, lengths in 64 cells", structureGroup, inSummary | inVerdict | inClasses | inPicture, grams(3)},
	{"fourgram_js", "4-gram JS", "bits", lower, "runs of four, lengths in 64 cells", structureGroup, inSummary | inVerdict | inClasses, grams(4)},
	{"autocorrelation", "autocorrelation gap", "", lower, "mean over lags 1 to 3", structureGroup, inVerdict | inPicture, ofClass(autocorrelation)},
	{"frechet", "Fréchet", "", lower, "nine simple features of a flow", structureGroup, 0, ofClass(frechet)},
	{"mmd", "MMD²", "", lower, "the same features, Gaussian kernel, unbiased", structureGroup, 0, ofClass(mmd)},

	{"detection_auc", "detection AUC", "", evenChance, "forest that separates these from test flows of their class: 0.5 is chance", wholeGroup, inSummary | inVerdict | inClasses | inPicture, detection(false)},
	{"coverage", "coverage", "", higher, "share of the test flows with one of these in their neighbourhood", wholeGroup, inSummary | inVerdict | inClasses, ofClass(coverage)},
	{"coverage_new", "coverage of new", "", higher, "the same of the test flows that equal no training flow", wholeGroup, inClasses, ofClass(newCoverage)},

	{"tstr_iat_accuracy", "TSTR accuracy, with times", "", higher, "the forest also gets the inter-arrival times", timeGroup, 0, ofScore(tstrTimes, accuracy).given(needTimes)},
	{"tstr_iat_f1", "TSTR macro F1, with times", "", higher, "the same: mean F1 of the classes", timeGroup, 0, ofScore(tstrTimes, macroF1).given(needTimes)},
	{"detection_iat_auc", "detection AUC, with times", "", evenChance, "the same as without, of lengths, directions and times", timeGroup, 0, detection(true).given(needTimes)},
	{"hd_iat", "Hellinger IAT", "", lower, "ln(1+µs) of the inter-arrival times in 10 bins over the real class", timeGroup, inClasses, binned(logTimes, metric.Hellinger).given(needTimes)},
	{"js_iat", "JS IAT", "bits", lower, "Jensen-Shannon divergence of the same", timeGroup, 0, binned(logTimes, metric.JensenShannon).given(needTimes)},
	{"tv_iat", "TV IAT", "", lower, "total variation of the same", timeGroup, 0, binned(logTimes, metric.TotalVariation).given(needTimes)},
	{"w1_iat", "W1 ln IAT", "", lower, "Wasserstein distance of ln(1+µs)", timeGroup, inClasses, sampled(logTimes, metric.Wasserstein).given(needTimes)},
	{"ks_iat", "KS IAT", "", lower, "Kolmogorov-Smirnov statistic of the inter-arrival times", timeGroup, 0, sampled(logTimes, metric.KS).given(needTimes)},
	{"w1_duration", "W1 ln duration", "", lower, "Wasserstein distance of ln(1+µs) from first packet to last", timeGroup, 0, sampled(durations, metric.Wasserstein).given(needTimes)},
	{"ks_duration", "KS duration", "", lower, "Kolmogorov-Smirnov statistic of the same", timeGroup, 0, sampled(durations, metric.KS).given(needTimes)},

	{"inconsistency", "image inconsistency", "", neither, "mean |pixel − what the diagonal implies|; 0 for an image made of a flow", imageGroup, 0, ofClass(inconsistency).given(needImages)},
	{"holes", "holes", "", neither, "share of flows or images with a packet behind padding", imageGroup, 0, ofClass(holes).given(needImages)},

	{"tv_pl_exact", "TV PL, to the byte", "", lower, "total variation of payload lengths, no bins", exactGroup, 0, tallied(lengths, metric.TotalVariation)},
	{"js_pl_exact", "JS PL, to the byte", "bits", lower, "Jensen-Shannon divergence of payload lengths, no bins", exactGroup, 0, tallied(lengths, metric.JensenShannon)},
	{"bigram_js_exact", "bigram JS, to the byte", "bits", lower, "pairs of neighbours, no cells", exactGroup, 0, exactGrams(2)},
	{"trigram_js_exact", "trigram JS, to the byte", "bits", lower, "runs of three, no cells", exactGroup, 0, exactGrams(3)},
	{"duplicates", "duplicates", "", neither, "share that equals a training flow of the class", exactGroup, inClasses, ofClass(duplicates)},
	{"near_duplicates", "near duplicates", "", neither, "share within 8 bytes a packet of one", exactGroup, 0, ofClass(nearDuplicates)},

	{"hd_pl_all", "Hellinger PL", "", lower, "all classes", allGroup, 0, pooledBins(lengths, lengthEdges, metric.Hellinger)},
	{"js_pl_all", "JS PL", "bits", lower, "all classes", allGroup, 0, pooledBins(lengths, lengthEdges, metric.JensenShannon)},
	{"tv_pl_all", "TV PL", "", lower, "all classes", allGroup, 0, pooledBins(lengths, lengthEdges, metric.TotalVariation)},
	{"w1_pl_all", "W1 PL", "bytes", lower, "all classes", allGroup, 0, pooled(lengths, metric.WassersteinWeighted)},
	{"ks_pl_all", "KS PL", "", lower, "all classes", allGroup, 0, pooled(lengths, metric.KSWeighted)},

	{"hd_dir_all", "Hellinger DIR", "", lower, "all classes", allDirectionGroup, 0, pooledBins(directions, directionEdges, metric.Hellinger).given(needDirections)},
	{"js_dir_all", "JS DIR", "bits", lower, "all classes", allDirectionGroup, 0, pooledBins(directions, directionEdges, metric.JensenShannon).given(needDirections)},
	{"tv_dir_all", "TV DIR", "", lower, "all classes", allDirectionGroup, 0, pooledBins(directions, directionEdges, metric.TotalVariation).given(needDirections)},
	{"w1_dir_all", "W1 DIR", "", lower, "all classes", allDirectionGroup, 0, pooled(directions, metric.WassersteinWeighted).given(needDirections)},
	{"ks_dir_all", "KS DIR", "", lower, "all classes", allDirectionGroup, 0, pooled(directions, metric.KSWeighted).given(needDirections)},
}

// flowMemoryFigures are the figures of the memorisation, in the same manner.
var flowMemoryFigures = []figure{
	{"exact_duplicates", "exact copies", "", neither, "of a training flow of the class", memoryGroup, 0, ofMemory(exactCopies)},
	{"near_duplicates", "near copies", "", neither, "within 8 bytes a packet, exact ones too", memoryGroup, 0, ofMemory(nearCopies)},
	{"closest_record_mean", "closest record", "bytes", neither, "mean distance to the nearest training flow, a packet", memoryGroup, 0, ofMemory(meanClosest)},
	{"closest_train", "to train", "bytes", neither, "the same, of as many training flows as there are test flows", memoryGroup, 0, ofMemory(meanToTrain)},
	{"closest_test", "to test", "bytes", neither, "mean distance to the nearest test flow", memoryGroup, 0, ofMemory(meanToTest)},
	{"closer_to_train", "nearer to train", "", neither, "share nearer to these training flows than to the test flows: 0.5 is even", memoryGroup, 0, ofMemory(closerToTrain)},
	{"membership_auc", "attack AUC", "", neither, "membership inference, 0.5 is guessing", memoryGroup, 0, ofMemory(attackAUC)},
	{"membership_auc_distinct", "attack AUC, distinct", "", neither, "among flows that no other real flow equals", memoryGroup, 0, ofMemory(attackDistinctAUC)},
}
