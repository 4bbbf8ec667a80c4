/* export.h - GET /export/journal.csv and .jsonl: the journal from the database to an admin. */
#pragma once

#include "http.h"

#define EXPORT_CSV   "/export/journal.csv"
#define EXPORT_JSONL "/export/journal.jsonl"

/* Begins; the exchange is answered, now or later, in any case. */
void export_csv_start(struct exchange *exchange);
void export_jsonl_start(struct exchange *exchange);

/* The socket can take more: writes the head or the next piece. What the callback is to return. */
int export_send(struct exchange *exchange);

/* The exchange is over. */
void export_end(struct exchange *exchange);
