package backend

/*
#include <malloc.h>

// XLA's CPU plugin takes its memory from the C library, which by itself gives what a program
// used back to the kernel after each call; at the next one the kernel fills it with zeros, page by
// page. That is a fifth of the processor time of a training step of a causal model, and a third
// of one of a UNet that needs gigabytes. So what is free is kept: the next call needs as much. What is
// mapped by itself, as all above 32 MiB is, and what is in the heaps of single threads is never
// kept, hence the other settings. They hold for what begins after them only: they are made
// before the program's first thread.
__attribute__((constructor)) static void keep_memory(void) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
#endif
}
*/
import "C"
