/* idmap.c - a hash table of ids. */
#include "idmap.h"
#include "memory.h"

#include <stdlib.h>

#define FIRST_ROOM 16

static size_t home(const struct idmap *map, int64_t id) {
    /* Fibonacci hashing: ids come in runs, and the high bits of the product spread them. */
    return (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (map->room - 1);
}

/* The slot of the id, or the empty one where it belongs. */
static struct idmap_slot *find(const struct idmap *map, int64_t id) {
    size_t at = home(map, id);

    while (map->slots[at].id != 0 && map->slots[at].id != id)
        at = (at + 1) & (map->room - 1);
    return &map->slots[at];
}

static void grow(struct idmap *map) {
    struct idmap old = *map;

    map->room = old.room ? old.room * 2 : FIRST_ROOM;
    map->slots = memory_zeroed(map->room * sizeof *map->slots);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].id != 0)
            *find(map, old.slots[i].id) = old.slots[i];
    }
    free(old.slots);
}

void *idmap_get(const struct idmap *map, int64_t id) {
    return map->count ? find(map, id)->value : NULL;
}

void idmap_put(struct idmap *map, int64_t id, void *value) {
    struct idmap_slot *slot;

    if (map->count * 2 >= map->room)
        grow(map);
    slot = find(map, id);
    if (slot->id == 0)
        map->count++;
    *slot = (struct idmap_slot){id, value};
}

void *idmap_remove(struct idmap *map, int64_t id) {
    struct idmap_slot *hole;
    void *value;

    if (map->count == 0)
        return NULL;
    hole = find(map, id);
    value = hole->value;
    if (hole->id == 0)
        return NULL;
    map->count--;
    /* Close the gap: what follows in the run moves back unless it would leave its home behind. */
    for (size_t at = hole - map->slots;;) {
        size_t distance;

        at = (at + 1) & (map->room - 1);
        if (map->slots[at].id == 0)
            break;
        distance = (at - home(map, map->slots[at].id)) & (map->room - 1);
        if (distance >= ((at - (size_t)(hole - map->slots)) & (map->room - 1))) {
            *hole = map->slots[at];
            hole = &map->slots[at];
        }
    }
    *hole = (struct idmap_slot){0};
    return value;
}

void idmap_clear(struct idmap *map, void (*drop)(void *value)) {
    for (size_t i = 0; drop && i < map->room; i++) {
        if (map->slots[i].id != 0)
            drop(map->slots[i].value);
    }
    free(map->slots);
    *map = (struct idmap){0};
}
