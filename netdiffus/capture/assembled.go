package capture

// Assembled holds what became of the TCP and UDP packets of a capture.
type Assembled struct {
	Biflows int64 // begun, those without a packet that was kept included

	// Why biflows ended, but for those that were open at the capture's end.
	Reused  int64 // a SYN began another connection between the same ends
	Idle    int64 // silence, see Assembly.Idle
	Active  int64 // duration, see Assembly.Active
	Evicted int64 // too many were open, see Assembly.MaxOpen

	// Duplicates counts the packets that were captured a second time: the same
	// packet, less than a millisecond away. They are in the biflows unless
	// Assembly.DropDuplicates is set.
	Duplicates int64

	// Retransmissions counts the TCP packets of which all bytes had been
	// captured before, duplicates aside; a SYN or FIN counts as a byte. They are
	// in the biflows unless Assembly.DropRetransmissions is set. Of these,
	// Spurious had been acknowledged before they were sent again.
	Retransmissions, Spurious int64

	// OutOfOrder counts the TCP packets that came after bytes that follow theirs,
	// for the first time.
	OutOfOrder int64

	// Late counts the packets of a connection that came after the first of the
	// next one between the same ends. They are in no biflow.
	Late int64
}

func (a *Assembled) add(other Assembled) {
	a.Biflows += other.Biflows
	a.Reused += other.Reused
	a.Idle += other.Idle
	a.Active += other.Active
	a.Evicted += other.Evicted
	a.Duplicates += other.Duplicates
	a.Retransmissions += other.Retransmissions
	a.Spurious += other.Spurious
	a.OutOfOrder += other.OutOfOrder
	a.Late += other.Late
}
