package main

// The wire that the cable stands for.
const (
	wireMTU = 1500                   // bytes of an IP packet
	wireMSS = wireMTU - 20 - 20 - 12 // payload bytes: less IPv4's and TCP's headers and TCP's time stamps
)
