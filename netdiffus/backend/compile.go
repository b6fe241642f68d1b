package backend

import "strings"

// flagsEnv is the environment variable that XLA reads its settings from when its plugin is
// first used.
const flagsEnv = "XLA_FLAGS"

// extraOptions is the setting that holds what one of XLA's devices alone knows. What that does
// not know is passed over.
const extraOptions = "xla_backend_extra_options"

// quickCompiling are the extra options with which XLA's CPU device compiles models over atoms in
// half the time, and large UNets in a third more: loops are not unrolled, and its older generator
// of code is used. The programs are as fast (docs/benchmarks.md).
const quickCompiling = "xla_cpu_disable_new_fusion_emitters,xla_cpu_disable_loop_unrolling"

// cpuFlags returns XLA's settings for its CPU device, given those of the user: extra options of
// his own are left as they are, and so is the name of a file.
func cpuFlags(users string) string {
	users = strings.TrimSpace(users)
	if strings.Contains(users, extraOptions) || users != "" && !strings.HasPrefix(users, "-") {
		return users
	}
	return strings.TrimSpace(users + " --" + extraOptions + "=" + quickCompiling)
}
