package imaging

import "math"

// jet is matplotlib's colour map of that name, 256 colours from dark blue over
// green to dark red, as 8-bit RGB.
var jet = func() (table [256][3]uint8) {
	for i := range table {
		at := float64(i) / 255
		for c, ramp := range jetRamps {
			table[i][c] = uint8(ramp.at(at) * 255) // cut, not rounded, as matplotlib and the reference do
		}
	}
	return table
}()

// jetRamps are the map's segments for red, green and blue (matplotlib's
// _cm.py, _jet_data).
var jetRamps = [3]ramp{
	{{0, 0}, {0.35, 0}, {0.66, 1}, {0.89, 1}, {1, 0.5}},
	{{0, 0}, {0.125, 0}, {0.375, 1}, {0.64, 1}, {0.91, 0}, {1, 0}},
	{{0, 0.5}, {0.11, 1}, {0.34, 1}, {0.65, 0}, {1, 0}},
}

// ramp is a line through points of place and height.
type ramp [][2]float64

func (r ramp) at(x float64) float64 {
	i := 1
	for i < len(r)-1 && r[i][0]*255 < x*255 {
		i++
	}
	// In matplotlib's order of operations, so that cutting falls on its side.
	low, high := r[i-1], r[i]
	share := (x*255 - low[0]*255) / (high[0]*255 - low[0]*255)
	return min(max(share*(high[1]-low[1])+low[1], 0), 1)
}

// jetIndex is the number of the colour of u in [0,1], as matplotlib takes it.
func jetIndex(u float64) int { return int(min(max(u*256, 0), 255)) }

// jetCodes are, by colour, the numbers of the map's exact colours.
var jetCodes = func() map[[3]uint8]int {
	codes := make(map[[3]uint8]int, len(jet))
	for i, c := range jet {
		codes[c] = i
	}
	return codes
}()

// jetValue is the u in [0,1] that each colour stands for: the middle of those
// that have it. Four colours of the map are one (pure blue), and stand for the
// middle of the four. The outermost are read as the ends, because the values
// there are the most common: full packets.
var jetValue = func() (values [256]float64) {
	for i := 0; i < len(jet); {
		last := i
		for last+1 < len(jet) && jet[last+1] == jet[i] {
			last++
		}
		for k := i; k <= last; k++ {
			values[k] = float64(i+last+1) / 2 / 256
		}
		i = last + 1
	}
	values[0], values[255] = 0, 1
	return values
}()

// unjet is the value in [0,1] of the map's colour nearest to c, by Euclidean
// distance in RGB, and that distance.
func unjet(c [3]uint8) (u, distance float64) {
	if i, exact := jetCodes[c]; exact {
		return jetValue[i], 0
	}
	best, nearest := 0, math.MaxInt
	for i, j := range jet {
		r, g, b := int(c[0])-int(j[0]), int(c[1])-int(j[1]), int(c[2])-int(j[2])
		if d := r*r + g*g + b*b; d < nearest {
			best, nearest = i, d
		}
	}
	return jetValue[best], math.Sqrt(float64(nearest))
}
