/* audience.c - the cache of who may see an org; see audience.h. */
#include "audience.h"
#include "idmap.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static struct idmap cache; /* org to audience */

static int by_account(const void *a, const void *b) {
    const struct member *left = a, *right = b;

    return (left->account > right->account) - (left->account < right->account);
}

struct audience *audience_get(int64_t org) {
    return idmap_get(&cache, org);
}

struct audience *audience_of(const PGresult *rows) {
    size_t count = PQntuples(rows);
    struct audience *audience = memory_new(sizeof *audience + count * sizeof *audience->members);

    audience->references = 1;
    audience->count = count;
    for (size_t i = 0; i < count; i++)
        audience->members[i] = (struct member){
            .account = atoll(PQgetvalue(rows, i, 0)),
            .staff = strcmp(PQgetvalue(rows, i, 1), "client") != 0,
        };
    qsort(audience->members, count, sizeof *audience->members, by_account);
    return audience;
}

void audience_put(int64_t org, const PGresult *rows) {
    audience_forget(org);
    idmap_put(&cache, org, audience_of(rows));
}

bool audience_has(const struct audience *audience, int64_t account, bool staff_only) {
    const struct member key = {.account = account};
    const struct member *found =
        bsearch(&key, audience->members, audience->count, sizeof key, by_account);

    return found && (found->staff || !staff_only);
}

struct audience *audience_hold(struct audience *audience) {
    audience->references++;
    return audience;
}

void audience_drop(struct audience *audience) {
    if (--audience->references == 0)
        free(audience);
}

void audience_forget(int64_t org) {
    struct audience *audience = idmap_remove(&cache, org);

    if (audience)
        audience_drop(audience);
}

static void drop_value(void *value) {
    audience_drop(value);
}

void audience_forget_all(void) {
    idmap_clear(&cache, drop_value);
}
