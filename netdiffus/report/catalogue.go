package report

// entry says what a figure is, for people. docs/metrics.md has the formulas.
type entry struct {
	Title  string
	Unit   string // "" for numbers without one
	Better int    // −1 the lower the better, +1 the higher, 0 neither
	What   string // in a few words
}

// catalogue has every figure of a [Row] by its name in metrics.json.
var catalogue = map[string]entry{
	"tstr_accuracy": {"TSTR accuracy", "", +1, "forest trained on these flows, tested on real ones: share right"},
	"tstr_f1":       {"TSTR macro F1", "", +1, "the same: mean F1 of the classes"},
	"trts_accuracy": {"TRTS accuracy", "", +1, "forest trained on all real training flows, tested on these"},
	"trts_f1":       {"TRTS macro F1", "", +1, "the same: mean F1 of the classes"},

	"tstr_iat_accuracy": {"TSTR accuracy, with times", "", +1, "the forest also gets the inter-arrival times"},
	"tstr_iat_f1":       {"TSTR macro F1, with times", "", +1, "the same: mean F1 of the classes"},

	"hd_iat":      {"Hellinger IAT", "", -1, "ln(1+µs) of the inter-arrival times in 10 bins over the real class"},
	"js_iat":      {"JS IAT", "bits", -1, "Jensen-Shannon divergence of the same"},
	"tv_iat":      {"TV IAT", "", -1, "total variation of the same"},
	"w1_iat":      {"W1 ln IAT", "", -1, "Wasserstein distance of ln(1+µs)"},
	"ks_iat":      {"KS IAT", "", -1, "Kolmogorov-Smirnov statistic of the inter-arrival times"},
	"w1_duration": {"W1 ln duration", "", -1, "Wasserstein distance of ln(1+µs) from first packet to last"},
	"ks_duration": {"KS duration", "", -1, "Kolmogorov-Smirnov statistic of the same"},

	"hd_pl": {"Hellinger PL", "", -1, "payload lengths in 10 bins over the real class"},
	"js_pl": {"JS PL", "bits", -1, "Jensen-Shannon divergence of the same"},
	"tv_pl": {"TV PL", "", -1, "total variation of the same"},
	"w1_pl": {"W1 PL", "bytes", -1, "Wasserstein distance of payload lengths"},
	"ks_pl": {"KS PL", "", -1, "Kolmogorov-Smirnov statistic of payload lengths"},

	"tv_pl_exact": {"TV PL, to the byte", "", -1, "total variation of payload lengths, no bins"},
	"js_pl_exact": {"JS PL, to the byte", "bits", -1, "Jensen-Shannon divergence of payload lengths, no bins"},

	"hd_dir": {"Hellinger DIR", "", -1, "directions"},
	"js_dir": {"JS DIR", "bits", -1, "directions"},
	"tv_dir": {"TV DIR", "", -1, "directions"},
	"w1_dir": {"W1 DIR", "", -1, "directions"},
	"ks_dir": {"KS DIR", "", -1, "directions"},

	"hd_pl_all":  {"Hellinger PL", "", -1, "all classes"},
	"js_pl_all":  {"JS PL", "bits", -1, "all classes"},
	"tv_pl_all":  {"TV PL", "", -1, "all classes"},
	"w1_pl_all":  {"W1 PL", "bytes", -1, "all classes"},
	"ks_pl_all":  {"KS PL", "", -1, "all classes"},
	"hd_dir_all": {"Hellinger DIR", "", -1, "all classes"},
	"js_dir_all": {"JS DIR", "bits", -1, "all classes"},
	"tv_dir_all": {"TV DIR", "", -1, "all classes"},
	"w1_dir_all": {"W1 DIR", "", -1, "all classes"},
	"ks_dir_all": {"KS DIR", "", -1, "all classes"},

	"length_tv":        {"length TV", "", -1, "total variation of the packets a flow"},
	"first_tv":         {"first packet TV", "", -1, "total variation of the first packet, to the byte"},
	"bigram_js":        {"bigram JS", "bits", -1, "pairs of neighbours, lengths in 64 cells"},
	"trigram_js":       {"trigram JS", "bits", -1, "runs of three, lengths in 64 cells"},
	"bigram_js_exact":  {"bigram JS, to the byte", "bits", -1, "pairs of neighbours, no cells"},
	"trigram_js_exact": {"trigram JS, to the byte", "bits", -1, "runs of three, no cells"},
	"autocorrelation":  {"autocorrelation gap", "", -1, "mean over lags 1 to 3"},
	"seen":             {"seen in class", "", 0, "share of packets whose signed length the class's training flows have"},
	"frechet":          {"Fréchet", "", -1, "nine simple features of a flow"},
	"mmd":              {"MMD²", "", -1, "the same features, Gaussian kernel, unbiased"},
	"inconsistency":    {"image inconsistency", "", 0, "mean |pixel − what the diagonal implies|; 0 for an image made of a flow"},
	"holes":            {"holes", "", 0, "share of flows or images with a packet behind padding"},
	"duplicates":       {"duplicates", "", 0, "share that equals a training flow of the class"},
	"near_duplicates":  {"near duplicates", "", 0, "share within 8 bytes a packet of one"},
}
