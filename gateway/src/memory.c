/* memory.c - allocation that does not fail; memory.h says why. */
#include "memory.h"
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory) {
    if (!memory) {
        log_error("out of memory; lower max_connections or outbox_bytes, or give the gateway more");
        abort();
    }
    return memory;
}

void *memory_new(size_t size) {
    return checked(malloc(size ? size : 1));
}

void *memory_zeroed(size_t size) {
    return checked(calloc(1, size));
}

void *memory_resize(void *old, size_t size) {
    return checked(realloc(old, size ? size : 1)); /* of nothing is no failure */
}

char *memory_text(const char *text) {
    return checked(strdup(text));
}

char *memory_part(const char *text, size_t n) {
    return checked(strndup(text, n));
}

char *memory_format(const char *format, ...) {
    va_list arguments;
    char *text;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return checked(text);
}

void memory_forget(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
