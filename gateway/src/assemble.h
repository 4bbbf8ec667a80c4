/*
 * assemble.h - the parts of an upload put together into one object, and on record as a document.
 */
#pragma once

#include <stdbool.h>

struct assembly;

/* Told once, from the loop: {"result": DOCUMENT} or {"error": ...}; the assembly is over with it.
 */
typedef void assembled_fn(void *owner, const char *json);

/* All parts of the upload have come. What is a document already is told as one. */
struct assembly *assemble(const char *token, const char *upload, const char *address,
                          assembled_fn *done, void *owner);

/* Nobody waits for it any more; it goes on. */
void assemble_unheard(struct assembly *assembly);

bool assemble_any(void);

/* Drops all; they are begun anew when somebody asks. */
void assemble_stop(void);
