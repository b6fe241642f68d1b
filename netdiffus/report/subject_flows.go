package report

import "github.com/netdiffus/netdiffus-go/netdiffus/metric"

// ofFlows are flows of packets, as the subject of an evaluation.
var ofFlows = &subject{
	one: "flow", many: "flows",
	figures: flowFigures, memoryFigures: flowMemoryFigures, groups: flowGroups, sources: flowSources,
	pictures:  flowPictures,
	yardstick: markov1,
	tasks:     []Task{Classification, Augmentation, Fingerprint, Anomaly},
	few:       []int{5, 10, 20, 50},
	perClass:  []int{100, 300},
	tabulates: true,
	unit:      "bytes a packet", unitKey: "bytes", nearBytes: metric.NearBytes,
	blank:  func(one record) bool { return len(one.packets()) == 0 },
	blanks: "no packet with payload", otherwise: ", with payload",
	repeats: "traffic repeats itself", caution: "rare values are copied from single flows",
	attacked: []string{markov1, markov2, markov4, merged}, shadow: merged,
	features: flowFeatures, names: flowFeatureNames, nearest: nearestFlows,
}
