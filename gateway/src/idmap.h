/*
 * idmap.h - from an id (a positive number of the database) to a pointer.
 *
 * Open addressing with linear probing, at most half full. The map owns its slots, never what they
 * point to.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct idmap {
    struct idmap_slot {
        int64_t id; /* 0: empty */
        void *value;
    } * slots;
    size_t room; /* a power of two, or 0 */
    size_t count;
};

/* What is kept under the id, or NULL. */
void *idmap_get(const struct idmap *map, int64_t id);

/* Keeps a value (not NULL) under an id (not 0), in place of any before it. */
void idmap_put(struct idmap *map, int64_t id, void *value);

/* Takes out what is kept under the id; NULL when there was nothing. */
void *idmap_remove(struct idmap *map, int64_t id);

/* Empties the map, handing each value to `drop` (may be NULL). */
void idmap_clear(struct idmap *map, void (*drop)(void *value));
