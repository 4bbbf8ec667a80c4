/* secret.c - secrets in files. */
#include "secret.h"
#include "log.h"
#include "memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MAX 4096 /* bytes */

char *secret_read(const char *path) {
    char *secret = memory_zeroed(SECRET_MAX + 1);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = file < 0 ? -1 : read(file, secret, SECRET_MAX);

    if (size < 0)
        log_error("cannot read %s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    if (size < 0) {
        memory_forget(secret);
        return NULL;
    }
    while (size > 0 && isspace((unsigned char)secret[size - 1]))
        secret[--size] = '\0';
    return secret;
}
