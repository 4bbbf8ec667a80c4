/* config.c - files of settings: whatever is in them, they are taken or the mistakes are told. */
#include "config.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    int file = memfd_create("settings", 0);
    char path[32];

    if (write(file, bytes, size) != (ssize_t)size)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    config_load(path);
    config_free();
    memset(&config, 0, sizeof config);
    close(file);
    return 0;
}
