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

static struct address *take(const char *text) {
    struct address key = {0}, *address;
    void **found;

    strncpy(key.text, text, sizeof key.text - 1);
    found = tfind(&key, &addresses, by_text);
    if (found) {
        address = *found;
    } else {
        address = memory_new(sizeof *address);
        *address = key;
        if (!tsearch(address, &addresses, by_text))
            abort();
    }
    address->count++;
    return address;
}

static void drop(struct address *address) {
    if (--address->count > 0)
        return;
    tdelete(address, &addresses, by_text);
    free(address);
}

static bool is_free(const char *text) {
    return !*text || list_has(config.proxies, text);
}

bool limit_address_take(const char *text) {
    struct address *address;

    if (is_free(text))
        return true;
    address = take(text);
    if (address->count <= config.connections_per_address)
        return true;
    drop(address);
    return false;
}

void limit_address_drop(const char *text) {
    struct address key = {0};
    void **found;

    strncpy(key.text, text, sizeof key.text - 1);
    if ((found = tfind(&key, &addresses, by_text))) /* else a proxy's when it was taken */
        drop(*found);
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
