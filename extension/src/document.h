/*
 * document.h: a document's changes, told to whoever sees it.
 */
#ifndef ONEFIN_DOCUMENT_H
#define ONEFIN_DOCUMENT_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Its state, preview or marks have changed in this transaction: counts and journals that. */
extern void of_document_changed(int64 document, const char *kind, Jsonb *detail);

/* A document as JSON, as the caller sees it. */
extern Datum of_document_json(int64 document);

#endif
