package nb

import (
	"fmt"
	"os"
)

// ProfileEnv is the environment variable that decides how much the notebooks compute:
// "full" or "smoke".
const ProfileEnv = "NETDIFFUS_NB_PROFILE"

// Smoke reports whether the notebooks are only tested, in a small form: ProfileEnv is
// "smoke". Unset or "full" means the form for readers; any other value ends the cell.
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

// Pick returns the first value, or the second if [Smoke] is true:
//
//	steps := nb.Pick(2000, 60)
func Pick[T any](full, smoke T) T {
	if Smoke() {
		return smoke
	}
	return full
}
