/* sniff.h - the type of a file by its first bytes, whatever its name says. */
#pragma once

#include <stddef.h>

/* A media type of static storage; "application/octet-stream" for what is not known. */
const char *sniff_type(const void *bytes, size_t size);
