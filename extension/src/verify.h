/*
 * verify.h: what a verification has found, between the files that look.
 */
#ifndef ONEFIN_VERIFY_H
#define ONEFIN_VERIFY_H

#include "postgres.h"

#include "sealed.h"

/* The first place that does not match; 0 stands for "none" in each. */
typedef struct OfBroken {
    char what[96]; /* empty: nothing is */
    int64 seal;
    int64 entry;
    int64 message;
    int32 version;
} OfBroken;

/* Of a range of seals; it lies in shared memory, so it has no pointers. */
typedef struct OfVerdict {
    int64 seals;
    int64 entries;
    int64 versions; /* of messages, told of by these entries */
    OfBroken broken;
} OfVerdict;

static inline bool of_is_broken(const OfVerdict *verdict) {
    return *verdict->broken.what != '\0';
}

extern void of_verify_seals(int64 from, int64 to, OfVerdict *verdict);

/* Messages and versions, looked up for entries about them. */
typedef struct OfMessages OfMessages;

extern OfMessages *of_messages_open(Snapshot snapshot);
extern bool of_messages_check(OfMessages *messages, const OfSealedEntry *entry, OfBroken *broken);
extern int64 of_messages_checked(const OfMessages *messages);
extern void of_messages_close(OfMessages *messages);

#endif
