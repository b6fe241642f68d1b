//go:build !unix

package programs

import "io/fs"

// private is true: there the cache folder lies in the user's profile.
func private(fs.FileInfo) bool { return true }
