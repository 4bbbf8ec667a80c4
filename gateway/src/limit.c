/* limit.c - counts by address, and buckets that calls are taken from; see limit.h. */
#include "limit.h"
#include "config.h"
#include "idmap.h"
#include "memory.h"
#include "peer.h"

#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BURST 4 /* seconds of calls that may be made at once after a rest */

struct address {
    unsigned count;
    char text[64];
};

static void *addresses; /* of tsearch(), by text */
static struct idmap
    connections; /* accepted ones, by the pointer that libwebsockets gives, to address */

static int by_text(const void *a, const void *b) {
    const struct address *left = a, *right = b;

    return strcmp(left->text, right->text);
}

/* NULL: it has no connection. */
static struct address *find(const char *text) {
    struct address key = {0};
    void **found;

    strncpy(key.text, text, sizeof key.text - 1);
    found = tfind(&key, &addresses, by_text);
    return found ? *found : NULL;
}

static struct address *add(const char *text) {
    struct address *address = memory_zeroed(sizeof *address);

    strncpy(address->text, text, sizeof address->text - 1);
    if (!tsearch(address, &addresses, by_text))
        abort();
    return address;
}

static bool is_free(const char *text) {
    return !*text || list_has(config.proxies, text);
}

bool limit_address_is_full(const char *text) {
    const struct address *address = find(text);

    return !is_free(text) && address && address->count >= config.connections_per_address;
}

bool limit_address_take(const char *text) {
    struct address *address = find(text);

    if (is_free(text))
        return true;
    if (limit_address_is_full(text))
        return false;
    if (!address)
        address = add(text);
    address->count++;
    return true;
}

void limit_address_drop(const char *text) {
    struct address *address = find(text);

    if (!address || --address->count > 0) /* none: it was a proxy's when it was taken */
        return;
    tdelete(address, &addresses, by_text);
    free(address);
}

bool limit_accept(struct lws *wsi) {
    char text[64];

    peer_socket_address(wsi, text, sizeof text);
    if (is_free(text))
        return true;
    if (!limit_address_take(text))
        return false;
    idmap_put(&connections, (int64_t)(intptr_t)wsi, memory_text(text));
    return true;
}

void limit_gone(struct lws *wsi) {
    char *text = idmap_remove(&connections, (int64_t)(intptr_t)wsi);

    if (text)
        limit_address_drop(text);
    free(text);
}

bool bucket_take(struct bucket *bucket) {
    ev_tstamp now = ev_now(EV_DEFAULT);
    double room = BURST * (double)config.calls_per_second;

    bucket->filled += bucket->at > 0 ? (now - bucket->at) * config.calls_per_second : room;
    bucket->at = now;
    if (bucket->filled > room)
        bucket->filled = room;
    if (bucket->filled < 1)
        return false;
    bucket->filled -= 1;
    return true;
}
