#pragma once
#include <stddef.h>

// What is used of the table of functions that a PJRT plugin exports. Functions are
// only ever added at its end, and every struct begins with its own size, so that
// plugins of other versions have these at the same places (major version 0).

typedef struct pjrt_error pjrt_error;

typedef struct {
	size_t size;
	void *extension;
	pjrt_error *error;
} error_destroy_args;

typedef struct {
	size_t size;
	void *extension;
	const pjrt_error *error;
	const char *message; // out
	size_t message_size; // out
} error_message_args;

typedef struct {
	size_t size;
	void *extension;
	char *code;
	size_t code_size;
	const char *format;
	size_t format_size;
} program;

typedef struct {
	size_t size;
	void *extension;
	void *client;
	const program *program;
	const char *options;
	size_t options_size;
	void *loaded; // out
} compile_args;

typedef struct {
	size_t size;
	void *extension;
	void *executable;
} executable_destroy_args;

typedef struct {
	size_t size;
	void *extension;
	void *loaded;
	void *executable; // out
} get_executable_args;

typedef struct {
	size_t size;
	void *extension;
	const void *executable;
	const char *bytes;                 // out
	size_t bytes_size;                 // out
	void *serialized;                  // out; holds bytes
	void (*release)(void *serialized); // out
} serialize_args;

typedef struct {
	size_t size;
	void *extension;
	void *client;
	const char *bytes;
	size_t bytes_size;
	void *loaded; // out
	const char *options;
	size_t options_size;
} load_args;

typedef struct {
	size_t size;
	void *extension;
	struct {
		size_t size;
		void *extension;
		int major, minor;
	} version;
	void (*error_destroy)(error_destroy_args *); // 0
	void (*error_message)(error_message_args *);
	void *from2[18];
	pjrt_error *(*compile)(compile_args *); // 20
	void *from21[19];
	pjrt_error *(*executable_destroy)(executable_destroy_args *); // 40
	void *from41[8];
	pjrt_error *(*serialize)(serialize_args *); // 49
	void *from50[1];
	pjrt_error *(*get_executable)(get_executable_args *); // 51
	void *from52[4];
	pjrt_error *(*load)(load_args *); // 56
} table;
