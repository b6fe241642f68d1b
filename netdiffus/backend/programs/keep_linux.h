#pragma once
#include <stddef.h>

// keep_programs puts a function in place of the compiler of the plugin at path, which
// asks findProgram first. It returns NULL, or what keeps it from doing so.
const char *keep_programs(const char *path);
