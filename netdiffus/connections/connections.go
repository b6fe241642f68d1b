// Package connections is about the connections that flows are: what is known of
// them beside their packets (Statistics), and how flows become a capture of many
// connections at once, as a Profile describes it.
package connections

// Protocols, as profiles and statistics name them.
const (
	tcp = "tcp"
	udp = "udp"
)

// firstDynamic is the first port of those that systems give out (RFC 6335).
const firstDynamic = 49152
