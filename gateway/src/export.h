/* export.h - GET /export/journal.csv and .jsonl: the journal from the database to an admin; and
 * /export/payroll.csv: what a month pays those whom one may see. */
#pragma once

#include "http.h"

#define EXPORT_CSV     "/export/journal.csv"
#define EXPORT_JSONL   "/export/journal.jsonl"
#define EXPORT_PAYROLL "/export/payroll.csv"

/* Begins; the exchange is answered, now or later, in any case. */
void export_csv_start(struct exchange *exchange);
void export_jsonl_start(struct exchange *exchange);
void export_payroll_start(struct exchange *exchange);

/* The socket can take more: writes the head or the next piece. What the callback is to return. */
int export_send(struct exchange *exchange);

/* The exchange is over. */
void export_end(struct exchange *exchange);
