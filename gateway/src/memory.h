/*
 * memory.h - allocation that does not fail.
 *
 * Everything a client can make the gateway allocate is bounded elsewhere (frames, queues, uploads),
 * so that memory running out means a limit set too high for the machine; going on half-way would
 * lose messages in silence. The program ends with a message instead, and clients resume.
 */
#pragma once

#include <stddef.h>

void *memory_new(size_t size);                 /* not cleared */
void *memory_zeroed(size_t size);              /* cleared */
void *memory_resize(void *old, size_t size);   /* as realloc */
char *memory_text(const char *text);           /* as strdup */
char *memory_part(const char *text, size_t n); /* as strndup */

/* printf into a new string. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Overwrites a secret and frees it; NULL is fine. */
void memory_forget(char *secret);
