package traffic

// CSV names the columns of CSV files. Names are compared without regard to
// case. The zero value finds the columns PL, DIR, IAT and LABEL.
type CSV struct {
	// Delimiter parts the cells; 0 means whichever of comma, semicolon, tab
	// and bar fits the first rows.
	Delimiter rune

	// Flow is the column that tells flows apart in files of one row a packet.
	// "" takes FLOW or FLOW_ID if there is one, and otherwise every row is a
	// flow.
	Flow string

	// Length, Dir, IAT and Label are the columns of payload (bytes; negative
	// upstream where there is no column of directions), direction (0 upstream,
	// 1 downstream), inter-arrival time (microseconds) and label. "" means PL,
	// DIR, IAT and LABEL. In files of one row a flow a column is either a list
	// ("[517, 1460]") or the first part of one column a packet's name: PL_0,
	// PL_1 and so on.
	Length, Dir, IAT, Label string
}
