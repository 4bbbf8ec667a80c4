/* store.c - which store is in use. */
#include "store.h"
#include "config.h"

#include <ctype.h>
#include <string.h>

const struct store *store;

bool store_start(void) {
    return strcmp(config.store, "s3") == 0 ? store_s3_start() : store_dir_start(config.store);
}

bool store_key_is_plain(const char *key) {
    bool at_start = true;

    for (; *key; key++) {
        if (!isalnum((unsigned char)*key) && !strchr(at_start ? "_-" : "._-/", *key))
            return false;
        at_start = *key == '/';
    }
    return !at_start;
}
