/*
 * audience.h - which accounts may see an org, as the database answered, cached per org.
 *
 * The rules stay in the database; here is only the answer, until an event says that it may have
 * changed. An audience is immutable and reference-counted: the cache has one reference, and each
 * event that was decided by it another.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audience {
    size_t references;
    size_t count;
    struct member {
        int64_t account;
        bool staff; /* not a client */
    } members[];    /* by account, ascending */
};

/* The cached audience of an org (the cache's reference), or NULL. */
struct audience *audience_get(int64_t org);

/* The rows (account, role) of onefin.audience() as an audience with one reference, the caller's. */
struct audience *audience_of(const PGresult *rows);

/* Caches such rows. */
void audience_put(int64_t org, const PGresult *rows);

/* Is the account in it (among its staff, when staff_only)? */
bool audience_has(const struct audience *audience, int64_t account, bool staff_only);

struct audience *audience_hold(struct audience *audience);
void audience_drop(struct audience *audience);

/* Forgets the answer for an org, or for all. */
void audience_forget(int64_t org);
void audience_forget_all(void);
