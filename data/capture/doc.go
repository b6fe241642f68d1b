// Command capture makes the project's own sample traffic: it runs nine kinds
// of real client and server programs against each other, captures what they
// send, and writes the flows to loopback.parquet and two small pcaps.
//
//	go run ./data/capture -out data
//
// Client and servers are child processes in two network namespaces of their
// own, joined by a virtual Ethernet cable with an MTU of 1500 and with
// segmentation offload off, so that packets have the sizes of a real wire and
// nothing leaves the machine. The namespaces, and the cable with them, are
// gone when the children are. It needs Linux, root (CAP_SYS_ADMIN and
// CAP_NET_ADMIN) and iproute2's ip; it takes half a minute on two cores.
//
// With -titles it streams videos instead, over links with delay, jitter and loss that
// a third process applies, into titles.parquet: time series of bytes.
//
// The seed fixes the payloads; times and their order are the machine's.
package main
