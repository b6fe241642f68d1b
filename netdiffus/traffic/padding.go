package traffic

// findSense finds what the numbers of directions mean, by the first rows that show
// it. An error in them is left for the reading proper.
func (p *parquetFile) findSense() {
	look := *p
	look.raw = true
	look.rows(false, func(_ int64, f Flow, err error) bool {
		return err == nil && !p.table.findSense(f.Packets)
	})
}

// padded reports whether the file is padded throughout, by the rule that
// Reader.KeepPadding states. In a file that is not, it mostly knows after the
// first few rows. An error it meets is left for the reading proper to report.
func (p *parquetFile) padded() bool {
	width := -1
	padded := true
	p.rows(false, func(_ int64, f Flow, err error) bool {
		if width < 0 {
			width = len(f.Packets)
		}
		padded = err == nil && width >= 2 && len(f.Packets) == width && endsInPadding(f.Packets)
		return padded
	})
	return padded
}

// endsInPadding reports whether packets of 0 bytes, if any, form the end of
// the row, have direction 0 and leave at least one packet.
func endsInPadding(p []Packet) bool {
	for _, q := range trimPadding(p) {
		if q.Length == 0 {
			return false
		}
	}
	return true
}

// trimPadding drops packets of 0 bytes and direction 0 from the end. It leaves
// the first packet, whatever it is.
func trimPadding(p []Packet) []Packet {
	for len(p) > 1 && p[len(p)-1].Length == 0 && p[len(p)-1].Dir == Up {
		p = p[:len(p)-1]
	}
	return p
}
