package nb

import (
	"fmt"
	"os"
)

// ProfileEnv is the environment variable that says how much the notebooks
// compute.
const ProfileEnv = "NETDIFFUS_NB_PROFILE"

// Smoke tells whether the notebooks are only tried: ProfileEnv is "smoke". Unset
// or "full" it means what readers see; any other value ends the cell.
func Smoke() bool {
	switch v := os.Getenv(ProfileEnv); v {
	case "", "full":
		return false
	case "smoke":
		return true
	default:
		Must(fmt.Errorf("nb: $%s is %q, want full or smoke", ProfileEnv, v))
		return false
	}
}

// Pick returns the first value, or the second where the notebooks are only
// tried:
//
//	steps := nb.Pick(2000, 60)
func Pick[T any](full, smoke T) T {
	if Smoke() {
		return smoke
	}
	return full
}
