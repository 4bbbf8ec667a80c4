/*
 * message.h: whose words an imported message holds.
 */
#ifndef ONEFIN_MESSAGE_H
#define ONEFIN_MESSAGE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* An author as the row of a message keeps it. */
typedef struct OfImport {
    int64 account;
    const char *role;
    const char *name;
    TimestampTz at;
} OfImport;

extern const OfImport *of_set_import(const OfImport *import);

#endif
