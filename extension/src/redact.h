/*
 * redact.h: taking texts out of messages and all their versions.
 */
#ifndef ONEFIN_REDACT_H
#define ONEFIN_REDACT_H

#include "postgres.h"

/* How many rows lost their text. */
typedef struct OfRedacted {
    int64 messages;
    int64 versions;
} OfRedacted;

extern char *of_require_reason(Datum reason, bool isnull);
extern void of_take_texts(Datum messages, OfRedacted *redacted);

#endif
