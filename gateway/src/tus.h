/*
 * tus.h - what requests of the tus protocol say in their headers.
 */
#pragma once

#include "http.h"

#include <stdint.h>

#define TUS_VERSION    "1.0.0"
#define TUS_EXTENSIONS "creation,termination"
#define TUS_TYPE       "application/offset+octet-stream"

/* Has the request the version that we speak? */
bool tus_version_fits(struct lws *wsi);

/* A header's number of bytes; false when it is missing or none. */
bool tus_number(struct lws *wsi, const char *name, int64_t *number);

/* A value of Upload-Metadata, decoded, for the caller to free; NULL when there is none in UTF-8. */
char *tus_metadata(struct lws *wsi, const char *key);

/* Upload-Metadata as its creation had it, for the caller to free. */
char *tus_describe(const char *filename, int64_t topic);

/* The id in the path, for the caller to free; NULL when it is none. */
char *tus_id(struct lws *wsi);

/* Bytes are coming, as the protocol wants them to. */
bool tus_type_fits(struct lws *wsi);

/* "Prefer: return=minimal" */
bool tus_wants_little(struct lws *wsi);
