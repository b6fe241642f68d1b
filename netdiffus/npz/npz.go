// Package npz reads and writes n-dimensional arrays in NumPy's .npy files and
// in .npz archives of them.
package npz
