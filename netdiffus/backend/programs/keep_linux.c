#include "keep_linux.h"
#include "table_linux.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "_cgo_export.h"

// The plugin whose table was changed, and the compiler that stood there.
static table *plugin;
static pjrt_error *(*compile)(compile_args *);

static void forget(pjrt_error *error) {
	if (error != NULL) {
		error_destroy_args args = {sizeof args, NULL, error};
		plugin->error_destroy(&args);
	}
}

static void refuse(char *key, pjrt_error *error) {
	error_message_args m = {sizeof m, NULL, error};
	plugin->error_message(&m);
	refuseProgram(key, (void *)m.message, m.message_size);
	forget(error);
}

// store hands a program that was compiled to Go.
static void store(char *key, void *loaded) {
	get_executable_args get = {sizeof get, NULL, loaded};
	pjrt_error *error = plugin->get_executable(&get);
	if (error != NULL) {
		refuse(key, error);
		return;
	}
	serialize_args s = {sizeof s, NULL, get.executable};
	error = plugin->serialize(&s);
	if (error != NULL) {
		refuse(key, error);
	} else {
		storeProgram(key, (void *)s.bytes, s.bytes_size);
		s.release(s.serialized);
	}
	executable_destroy_args done = {sizeof done, NULL, get.executable};
	forget(plugin->executable_destroy(&done));
}

// load_or_compile stands in the plugin's table.
static pjrt_error *load_or_compile(compile_args *args) {
	const program *p = args->program;
	void *bytes = NULL;
	size_t size = 0;
	char *key = findProgram(p->code, p->code_size, (void *)args->options, args->options_size, &bytes, &size);
	if (bytes != NULL) {
		load_args load = {sizeof load, NULL, args->client, bytes, size};
		pjrt_error *error = plugin->load(&load);
		free(bytes);
		if (error == NULL) {
			args->loaded = load.loaded;
			free(key);
			return NULL;
		}
		refuse(key, error);
	}
	pjrt_error *error = compile(args);
	if (error == NULL) {
		store(key, args->loaded);
	}
	free(key);
	return error;
}

const char *keep_programs(const char *path) {
	// The plugin stays in memory: go-xla opens the same one next.
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL) {
		return dlerror();
	}
	table *(*get_table)(void) = (table * (*)(void)) dlsym(library, "GetPjrtApi");
	table *t = get_table == NULL ? NULL : get_table();
	if (t == NULL || t->version.major != 0 || t->size < sizeof(table)) {
		return "its table of functions has another form";
	}
	if (t == plugin) {
		return NULL;
	}
	if (plugin != NULL) {
		return "another plugin's programs are kept already";
	}
	if (t->serialize == NULL || t->load == NULL || t->get_executable == NULL) {
		return "it cannot serialise programs";
	}
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)&t->compile & ~(page - 1);
	if (mprotect((void *)start, page, PROT_READ | PROT_WRITE) != 0) {
		return "its table of functions cannot be changed";
	}
	plugin = t;
	compile = t->compile;
	t->compile = load_or_compile;
	return NULL;
}
