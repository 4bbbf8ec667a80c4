/*
 * render.c - stamps, previews and logos: from the store through the worker, and back.
 *
 * What is fetched from the store is what was uploaded, or nothing is made of it: its SHA-256 is
 * compared. What the worker made is stored under the keys of this attempt before the database is
 * told, and taken out of the store again when the database will not have it, or when the attempt
 * fails half-way. A gateway that dies before that leaves keys that nobody recorded, and the
 * database has them swept.
 *
 * Documents and logos are strangers' files: nothing here looks into them.
 */
#include "compat.h"
#include "jobs.h"
#include "log.h"
#include "memory.h"
#include "spool.h"
#include "store.h"
#include "worker.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGO_MAX (4 << 20) /* bytes of a drawn logo */

struct render {
    struct job *job;
    const char *kind;
    const json_t *order;
    const char *out_key, *preview_key; /* in the order; NULL: none */
    struct spool *spool;               /* while copying */
    struct worker_task_handle *worker; /* while it is at work */
    int output, preview;               /* what it makes, -1: none */
    json_t *made;                      /* its answer */
    struct spooled out, picture;       /* of output and preview, once stored */
    bool out_stored, preview_stored;
};

/* A text of an order or answer; NULL where there is none. */
static const char *text_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static void close_file(int *file) {
    if (*file >= 0)
        close(*file);
    *file = -1;
}

static void take_out(struct render *render) {
    if (render->out_stored)
        store->remove(render->out_key, NULL, NULL);
    if (render->preview_stored)
        store->remove(render->preview_key, NULL, NULL);
    render->out_stored = render->preview_stored = false;
}

static void render_end(void *run, bool refused) {
    struct render *render = run;

    if (refused)
        take_out(render);
    if (render->spool)
        spool_abandon(render->spool);
    if (render->worker)
        worker_abandon(render->worker);
    close_file(&render->output);
    close_file(&render->preview);
    json_decref(render->made);
    free(render);
}

static void fail(struct render *render, const char *reason, const char *message, bool final) {
    take_out(render);
    job_fail(render->job, reason, message, final);
}

static void fail_by_system(struct render *render, const char *doing, int error) {
    char *message = memory_format("%s: %s", doing, strerror(error));

    log_error("jobs: %s", message);
    fail(render, "store", message, false);
    free(message);
}

/* Temporary files. */

static int filled_file(const void *bytes, size_t size) {
    int file = spool_file();

    if (file >= 0 && write(file, bytes, size) != (ssize_t)size) {
        close(file);
        errno = ENOSPC;
        return -1;
    }
    return file;
}

/* Lines of base64, as PostgreSQL makes them. */
static int file_of_base64(const char *text) {
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    unsigned char *bytes = memory_new(strlen(text) + 1);
    int size, rest, file = -1;

    EVP_DecodeInit(context);
    errno = EINVAL;
    if (EVP_DecodeUpdate(context, bytes, &size, (const unsigned char *)text, strlen(text)) >= 0 &&
        EVP_DecodeFinal(context, bytes + size, &rest) == 1)
        file = filled_file(bytes, size + rest);
    EVP_ENCODE_CTX_free(context);
    free(bytes);
    return file;
}

static char *base64_of_file(int file) {
    struct stat about;
    unsigned char *bytes;
    char *text = NULL;

    if (fstat(file, &about) < 0 || about.st_size == 0 || about.st_size > LOGO_MAX)
        return NULL;
    bytes = memory_new(about.st_size);
    if (pread(file, bytes, about.st_size, 0) == about.st_size) {
        text = memory_new(4 * (about.st_size / 3 + 1) + 1);
        EVP_EncodeBlock((unsigned char *)text, bytes, about.st_size);
    }
    free(bytes);
    return text;
}

/* The last steps: what was made goes to the store and on record. */

static void store_next(struct render *render);

static void tell_preview(struct render *render) {
    job_succeed(render->job, json_pack("{s:I}", "size", (json_int_t)render->picture.size));
}

static void tell_stamp(struct render *render) {
    json_t *preview = render->preview_stored
                          ? json_pack("{s:I}", "size", (json_int_t)render->picture.size)
                          : json_null();

    job_succeed(render->job,
                json_pack("{s:O?, s:O?, s:I, s:s, s:O?, s:o}", "type",
                          json_object_get(render->made, "type"), "extension",
                          json_object_get(render->made, "extension"), "size",
                          (json_int_t)render->out.size, "sha256", render->out.sha256, "signed",
                          json_object_get(render->made, "signed"), "preview", preview));
}

static void tell_logo(struct render *render) {
    char *image = base64_of_file(render->output);

    if (image)
        job_succeed(render->job, json_pack("{s:s}", "image", image));
    else
        fail(render, "too_large", "The drawn logo is empty or too large.", true);
    free(image);
}

static void on_stored(void *owner, int error, const struct spooled *what) {
    struct render *render = owner;

    render->spool = NULL;
    if (error) {
        fail_by_system(render, "storing", error);
    } else if (render->out_key && !render->out_stored) {
        render->out = *what;
        render->out_stored = true;
        store_next(render);
    } else {
        render->picture = *what;
        render->preview_stored = true;
        store_next(render);
    }
}

static void store_one(struct render *render, int *file, const char *key) {
    int taken = *file;

    *file = -1;
    render->spool = spool_store(taken, key, on_stored, render);
}

static void store_next(struct render *render) {
    bool pictured = json_is_true(json_object_get(render->made, "preview"));

    if (render->out_key && !render->out_stored)
        store_one(render, &render->output, render->out_key);
    else if (pictured && render->preview >= 0)
        store_one(render, &render->preview, render->preview_key);
    else if (render->out_key)
        tell_stamp(render);
    else if (render->preview_stored)
        tell_preview(render);
    else
        fail(render, "unsupported", "No picture can be made of it.", true);
}

/* The worker. */

static void on_made(void *owner, json_t *answer) {
    struct render *render = owner;
    const char *reason = text_of(answer, "reason"), *message = text_of(answer, "message");

    render->worker = NULL;
    render->made = json_incref(answer);
    if (!json_is_true(json_object_get(answer, "ok"))) {
        fail(render, reason ? reason : "died", message ? message : "The worker gave no answer.",
             json_is_true(json_object_get(answer, "final")));
    } else if (strcmp(render->kind, "logo") == 0) {
        tell_logo(render);
    } else {
        store_next(render);
    }
}

/* Takes over the input. */
static void work(struct render *render, int input) {
    const char *logo = text_of(render->order, "logo");
    bool stamps = strcmp(render->kind, "stamp") == 0, draws = strcmp(render->kind, "logo") == 0;
    struct worker_task task = {.kind = render->kind, .input = input, .output = -1, .logo = -1};

    if (stamps || draws)
        render->output = spool_file();
    if (!draws)
        render->preview = spool_file();
    if (stamps && logo)
        task.logo = file_of_base64(logo);
    if (input < 0 || ((stamps || draws) && render->output < 0) || (!draws && render->preview < 0) ||
        (logo && stamps && task.logo < 0)) {
        close_file(&task.input);
        close_file(&task.logo);
        fail_by_system(render, "making a temporary file", errno);
        return;
    }
    task.output = render->output < 0 ? -1 : dup(render->output);
    task.preview = render->preview < 0 ? -1 : dup(render->preview);
    task.request = json_deep_copy(render->order);
    json_object_del(task.request, "logo");
    json_object_del(task.request, "image");
    render->worker = worker_run(&task, on_made, render);
}

/* The first step: what was uploaded comes from the store. */

static void on_fetched(void *owner, int error, const struct spooled *what) {
    struct render *render = owner;
    const char *sha256 = text_of(render->order, "sha256");

    render->spool = NULL;
    if (error == ENOENT) {
        fail(render, "lost", "The store has no such file.", false);
    } else if (error) {
        fail_by_system(render, "fetching", error);
    } else if (!sha256 || strcmp(what->sha256, sha256) != 0) {
        close(what->file);
        fail(render, "lost", "The file in the store is not the one that was uploaded.", false);
    } else {
        work(render, what->file);
    }
}

static void *render_begin(struct job *job, const json_t *order, const char *kind) {
    struct render *render = memory_zeroed(sizeof *render);
    const char *image = text_of(order, "image");

    render->job = job;
    render->kind = kind;
    render->order = order;
    render->output = render->preview = -1;
    render->out_key = text_of(order, "out_key");
    render->preview_key = text_of(order, "preview_key");
    if (image)
        work(render, file_of_base64(image));
    else
        render->spool = spool_fetch(text_of(order, "key"), on_fetched, render);
    return render;
}

static void *stamp_begin(struct job *job, const json_t *order) {
    return render_begin(job, order, "stamp");
}

static void *preview_begin(struct job *job, const json_t *order) {
    return render_begin(job, order, "preview");
}

static void *logo_begin(struct job *job, const json_t *order) {
    return render_begin(job, order, "logo");
}

const struct job_kind stamp_job = {.name = "stamp", .begin = stamp_begin, .end = render_end};
const struct job_kind preview_job = {.name = "preview", .begin = preview_begin, .end = render_end};
const struct job_kind logo_job = {.name = "logo", .begin = logo_begin, .end = render_end};
