/*
 * journal.h: writing one entry of the journal.
 */
#ifndef ONEFIN_JOURNAL_H
#define ONEFIN_JOURNAL_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Who is told of an entry: the values of journal.audience. */
#define OF_TO_ORG     "org"
#define OF_TO_STAFF   "staff"
#define OF_TO_ADMIN   "admin"
#define OF_TO_ACCOUNT "account"
#define OF_TO_NONE    "none"

/* One entry; 0 and NULL stand for "none". Who acts, from where and by which program is added. */
typedef struct OfEntry {
    const char *kind;
    const char *audience;
    int64 org;
    int64 topic;
    int64 subject;
    int64 account;
    int32 version;
    bytea *digest; /* SHA-256 of a text, or of a document's bytes */
    bytea *record; /* SHA-256 of a message's version (record.c) */
    Jsonb *detail;
} OfEntry;

extern int64 of_journal(const OfEntry *entry);
extern Jsonb *of_detail(const char *key, const char *value);

#endif
