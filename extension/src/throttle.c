/*
 * throttle.c: how long a password may not be tried again after wrong ones.
 *
 * Failures are counted by login and address together, by address, and by login, each in a leaky
 * bucket: a failure adds one, and one is forgotten each `forget` seconds. The first `free` of them
 * cost nothing; then the wait before the next try doubles from one second up to `cap`. A try that
 * comes too early is refused before its password is looked at, and counts for nothing.
 *
 * Nobody is locked out by others. Who guesses from elsewhere holds back only his own pairs and his
 * own address; a login that is guessed at from everywhere waits a minute at most, and neither that
 * nor a noisy neighbour behind the same address holds back who logged in from this address lately.
 * Logins that do not exist are counted alike, by their name. Of an IPv6 address the first 64 bits
 * count, the rest is for anybody to choose. Where no address is known, only the login counts.
 *
 * Locks: a try holds its pair's row until the end of its transaction, so that tries of a pair come
 * one after the other, each knowing of the one before. The other rows are locked after a failure
 * only, always in the order of OfScope.
 */
#include "postgres.h"

#include "throttle.h"

#include "catalog/pg_collation_d.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "journal.h"
#include "plan.h"
#include "sha256.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"

#include <math.h>
#include <sys/socket.h>

typedef struct Bucket {
    const char *scope;
    double free;   /* failures without a wait */
    double cap;    /* seconds of the longest wait, a power of two or less */
    double forget; /* seconds in which one failure is forgotten */
} Bucket;

static const Bucket buckets[OF_SCOPES] = {
    [OF_PAIR] = {"pair", 5, 900, 3600},
    [OF_ADDRESS] = {"address", 50, 900, 300},
    [OF_ACCOUNT] = {"account", 20, 60, 300},
};

/* After this time every bucket is empty, whatever was in it: 15 failures of a pair take 15 hours.
 */
#define FORGOTTEN_AFTER "interval '1 day'"

/* How long ago an account must have logged in from an address to be known there. */
#define KNOWN_FOR "interval '90 days'"

#define SWEEP_ROWS "1000"

/* The wait after a failure that filled a bucket so far. Rounded, since a burst takes some time. */
static double wait_of(const Bucket *bucket, double level) {
    double over = round(level) - bucket->free;

    return over < 0 ? 0 : fmin(bucket->cap, exp2(over));
}

/* Seconds left of it. */
static int wait_left(const Bucket *bucket, double level, double age) {
    return (int)ceil(fmax(0, wait_of(bucket, level) - fmax(0, age)));
}

/* The bucket after one more failure. What is beyond the longest wait would only take longer to be
 * forgotten. */
static double one_more(const Bucket *bucket, double level, double age) {
    double left = fmax(0, level - fmax(0, age) / bucket->forget);

    return fmin(left + 1, bucket->free + ceil(log2(bucket->cap)));
}

/* The first 8 bytes of the SHA-256 of a login, in whatever case it was written. */
static char *name_of(text *login) {
    Datum lower_case =
        DirectFunctionCall1Coll(lower, DEFAULT_COLLATION_OID, PointerGetDatum(login));
    text *name = DatumGetTextPP(lower_case);
    bytea *digest = of_sha256(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
    char *hex = palloc0(17);

    hex_encode(VARDATA(digest), 8, hex);
    return hex;
}

/* IPv4 as IPv6 writes it is IPv4: each address is somebody else. */
static bool is_mapped(const inet *address) {
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(ip_addr(address), prefix, sizeof(prefix)) == 0;
}

static char *place_of(Datum address) {
    inet *given = DatumGetInetPP(address);

    if (ip_family(given) == PGSQL_AF_INET6 && !is_mapped(given))
        address = DirectFunctionCall1(
            network_network, DirectFunctionCall2(inet_set_masklen, address, Int32GetDatum(64)));
    else
        address = DirectFunctionCall2(inet_set_masklen, address, Int32GetDatum(-1));
    return DatumGetCString(DirectFunctionCall1(inet_out, address));
}

static void set_keys(OfAttempt *attempt, text *login, Datum address) {
    char *name = name_of(login);
    char *place = address ? place_of(address) : NULL;

    attempt->keys[OF_PAIR] = place ? psprintf("pair %s %s", name, place) : NULL;
    attempt->keys[OF_ADDRESS] = place ? psprintf("address %s", place) : NULL;
    attempt->keys[OF_ACCOUNT] = psprintf("account %s", name);
}

/* Seconds left of a bucket that nobody is kept from changing. */
static int look(const OfAttempt *attempt, OfScope scope) {
    static OfStatement read = {"SELECT level, extract(epoch FROM clock_timestamp() - at)::float8"
                               " FROM onefin.login_failure WHERE key = $1",
                               1,
                               {TEXTOID}};
    OfArgs args = {0};
    bool isnull;

    if (attempt->keys[scope] == NULL)
        return 0;
    of_arg_text(&args, attempt->keys[scope]);
    if (of_run_as_owner(&read, &args, false) == 0)
        return 0;
    return wait_left(&buckets[scope], DatumGetFloat8(of_result(0, 1, &isnull)),
                     DatumGetFloat8(of_result(0, 2, &isnull)));
}

/* Locks a bucket, made empty when there is none, and reads it as it is then. */
static void lock(const char *key, double *level, double *age) {
    static OfStatement upsert = {
        "INSERT INTO onefin.login_failure AS f (key, level, at) VALUES ($1, 0, clock_timestamp())"
        " ON CONFLICT (key) DO UPDATE SET level = f.level"
        " RETURNING level, extract(epoch FROM clock_timestamp() - at)::float8",
        1,
        {TEXTOID}};
    OfArgs args = {0};
    bool isnull;

    of_arg_text(&args, key);
    of_run_as_owner(&upsert, &args, false);
    *level = DatumGetFloat8(of_result(0, 1, &isnull));
    *age = DatumGetFloat8(of_result(0, 2, &isnull));
}

/* Whether the account of a login logged in from this address lately. */
static bool is_known(text *login, Datum address) {
    static OfStatement find = {
        "SELECT FROM onefin.session s JOIN onefin.account a ON a.id = s.account_id"
        " WHERE lower(a.login) = lower($1) AND s.address <<= $2::inet"
        " AND s.created_at > now() - " KNOWN_FOR " LIMIT 1",
        2,
        {TEXTOID, TEXTOID}};
    OfArgs args = {0};

    if (address == (Datum)0)
        return false;
    of_arg(&args, PointerGetDatum(login), false);
    of_arg_text(&args, place_of(address));
    return of_run_as_owner(&find, &args, false) == 1;
}

int of_attempt_begin(OfAttempt *attempt, text *login, Datum address) {
    int wait;
    int others;

    set_keys(attempt, login, address);
    of_spi_begin();
    wait = look(attempt, OF_PAIR);
    others = Max(look(attempt, OF_ADDRESS), look(attempt, OF_ACCOUNT));
    if (others > wait && !is_known(login, address))
        wait = others;
    if (wait == 0 && attempt->keys[OF_PAIR]) {
        double level;
        double age;

        lock(attempt->keys[OF_PAIR], &level, &age);
        wait = wait_left(&buckets[OF_PAIR], level, age);
    }
    of_spi_end();
    return wait;
}

/* Adds a failure to a bucket. The one that begins a wait is journaled. */
static void count(const char *key, const Bucket *bucket, int64 account) {
    static OfStatement update = {
        "UPDATE onefin.login_failure SET level = $2, at = clock_timestamp() WHERE key = $1",
        2,
        {TEXTOID, FLOAT8OID}};
    OfArgs args = {0};
    double level;
    double age;

    lock(key, &level, &age);
    level = one_more(bucket, level, age);
    of_arg_text(&args, key);
    of_arg(&args, Float8GetDatum(level), false);
    of_run_as_owner(&update, &args, false);
    if (round(level) == bucket->free)
        of_journal(&(OfEntry){.kind = "session.throttled",
                              .audience = OF_TO_NONE,
                              .account = account,
                              .detail = of_detail("scope", bucket->scope)});
}

/* Counts a wrong password. account: whose the login is, 0 when nobody's. */
void of_attempt_failed(const OfAttempt *attempt, int64 account) {
    of_spi_begin();
    for (int scope = 0; scope < OF_SCOPES; scope++)
        if (attempt->keys[scope])
            count(attempt->keys[scope], &buckets[scope], scope == OF_ADDRESS ? 0 : account);
    of_spi_end();
}

/* Forgets the pair's failures. Not the others': who has one password may still guess at more. */
void of_attempt_succeeded(const OfAttempt *attempt) {
    static OfStatement forget = {"DELETE FROM onefin.login_failure WHERE key = $1", 1, {TEXTOID}};
    OfArgs args = {0};

    if (attempt->keys[OF_PAIR] == NULL)
        return;
    of_arg_text(&args, attempt->keys[OF_PAIR]);
    of_spi_begin();
    of_run_as_owner(&forget, &args, false);
    of_spi_end();
}

char *of_throttled_hint(int seconds) {
    return psprintf("Try again in %d second%s.", seconds, seconds == 1 ? "" : "s");
}

void of_failures_forget(void) {
    static OfStatement forget = {
        "DELETE FROM onefin.login_failure WHERE key IN (SELECT key FROM onefin.login_failure"
        " WHERE at < now() - " FORGOTTEN_AFTER " LIMIT " SWEEP_ROWS " FOR UPDATE SKIP LOCKED)",
        0,
        {0}};

    of_spi_begin();
    of_run_as_owner(&forget, NULL, false);
    of_spi_end();
}
