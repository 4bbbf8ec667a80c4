/*
 * store_s3.c - a bucket of an S3 store as the store: its start and stop, removing, presigning.
 *
 * At start it is asked whether bucket and credentials are good, by a request that needs them: the
 * list of uploads. While they are not, or nothing answers, the log says so whenever that changes,
 * and it is asked again; the gateway runs, and files fail with an error.
 */
#include "s3.h"
#include "config.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHECK_AGAIN 15.0 /* seconds */
#define STOP_LIMIT  3.0  /* seconds for what is under way at the end */

static struct {
    struct s3_request *request; /* NULL: none under way */
    ev_timer again;
} check;

/* Objects. */

static void on_tell(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    struct s3_object *object = timer->data;

    object->shared.done(object->shared.owner, object->result);
}

void s3_object_init(struct s3_object *object, bool reads, store_done_fn *done, void *owner) {
    object->shared.done = done;
    object->shared.owner = owner;
    object->reads = reads;
    ev_init(&object->tell, on_tell);
    object->tell.data = object;
}

void s3_tell(struct s3_object *object, ssize_t result) {
    object->result = result;
    ev_feed_event(EV_DEFAULT_ & object->tell, EV_CUSTOM);
}

void s3_silence(struct s3_object *object) {
    ev_clear_pending(EV_DEFAULT_ & object->tell);
}

static void drop(struct store_object *shared) {
    struct s3_object *object = (struct s3_object *)shared;

    if (object->reads)
        s3_read_drop(object);
    else
        s3_write_drop(object);
}

/* Removing: the uploads of the key are listed and ended, then the object is deleted. In this order
 * an upload that is just being completed cannot leave an object behind. */

struct removal {
    char *key;
    store_done_fn *done;
    void *owner;
    bool keep;      /* the object */
    char *list;     /* of the uploads, as the store gave it */
    const char *at; /* in it */
    ssize_t result;
};

static void removal_end(struct removal *removal) {
    if (removal->done)
        removal->done(removal->owner, removal->result);
    free(removal->key);
    free(removal->list);
    free(removal);
}

static void on_deleted(void *owner, struct s3_request *request) {
    struct removal *removal = owner;

    if (request->result < 0 && request->result != -ENOENT)
        removal->result = request->result;
    removal_end(removal);
}

static void on_upload_ended(void *owner, struct s3_request *request);

/* The next of the list; NULL: there is none. */
static char *next_upload(struct removal *removal) {
    char *upload;

    while ((upload = s3_xml(removal->at, "Upload", &removal->at))) {
        char *key = s3_xml(upload, "Key", NULL), *id = s3_xml(upload, "UploadId", NULL);
        bool ours = key && id && strcmp(key, removal->key) == 0;

        free(key);
        free(upload);
        if (ours)
            return id;
        free(id);
    }
    return NULL;
}

static void end_next_upload(struct removal *removal) {
    char *id = next_upload(removal);
    struct s3_request *request;

    if (id) {
        char *encoded = s3_encode(id), *query = memory_format("uploadId=%s", encoded);

        request = s3_request("DELETE", removal->key, query);
        request->may_miss = true;
        s3_send(request, on_upload_ended, removal);
        free(encoded);
        free(query);
        free(id);
    } else if (removal->keep) {
        removal_end(removal);
    } else {
        request = s3_request("DELETE", removal->key, NULL);
        request->may_miss = true;
        s3_send(request, on_deleted, removal);
    }
}

static void on_upload_ended(void *owner, struct s3_request *request) {
    struct removal *removal = owner;

    if (request->result < 0 && request->result != -ENOENT)
        removal->result = request->result;
    end_next_upload(removal);
}

static void on_listed(void *owner, struct s3_request *request) {
    struct removal *removal = owner;

    if (request->result < 0 && request->result != -ENOSYS) {
        removal->result = request->result;
        removal_end(removal);
        return;
    }
    removal->list = request->answer;
    removal->at = removal->list;
    request->answer = NULL;
    end_next_upload(removal);
}

static void list_uploads(struct removal *removal) {
    char *prefix = s3_encode(removal->key);
    char *query = memory_format("prefix=%s&uploads=", prefix);

    s3_send(s3_request("GET", NULL, query), on_listed, removal);
    free(prefix);
    free(query);
}

static void on_no_key(int events UNUSED, void *removal) {
    removal_end(removal);
}

void s3_remove(const char *key, store_done_fn *done, void *owner) {
    struct removal *removal = memory_zeroed(sizeof *removal);

    removal->key = memory_text(key);
    removal->done = done;
    removal->owner = owner;
    if (store_key_is_plain(key)) {
        list_uploads(removal);
    } else {
        removal->result = -EINVAL;
        ev_once(EV_DEFAULT_ - 1, 0, 0, on_no_key, removal);
    }
}

void s3_end_uploads(const char *key) {
    struct removal *removal = memory_zeroed(sizeof *removal);

    removal->key = memory_text(key);
    removal->keep = true;
    list_uploads(removal);
}

/* Start and stop. */

static void ask(void);

static void on_check_time(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    ask();
}

static void on_checked(void *owner UNUSED, struct s3_request *request) {
    check.request = NULL;
    if (request->result == 0) {
        log_info("store: s3: bucket %s answers", config.s3_bucket);
    } else if (request->result != -ECANCELED) {
        ev_timer_set(&check.again, CHECK_AGAIN, 0);
        ev_timer_start(EV_DEFAULT_ & check.again);
    }
}

static void ask(void) {
    check.request = s3_request("GET", NULL, "max-uploads=1&uploads=");
    s3_send(check.request, on_checked, NULL);
}

static void on_stop_limit(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    s3_request_stop();
}

static void s3_stop(void) {
    ev_timer limit;

    ev_timer_stop(EV_DEFAULT_ & check.again);
    if (check.request)
        s3_abort(check.request);
    ev_timer_init(&limit, on_stop_limit, STOP_LIMIT, 0);
    ev_timer_start(EV_DEFAULT_ & limit);
    while (s3_any())
        ev_run(EV_DEFAULT_ EVRUN_ONCE);
    ev_timer_stop(EV_DEFAULT_ & limit);
    s3_sign_stop();
}

static const struct store s3_store = {.create = s3_create,
                                      .name = s3_name,
                                      .write = s3_write,
                                      .commit = s3_commit,
                                      .open = s3_open,
                                      .read = s3_read,
                                      .drop = drop,
                                      .remove = s3_remove,
                                      .presign = s3_presign,
                                      .stop = s3_stop};

bool store_s3_start(void) {
    long seed;

    if (!s3_sign_start())
        return false;
    if (getrandom(&seed, sizeof seed, 0) == sizeof seed)
        srand48(seed); /* for the pauses between tries */
    store = &s3_store;
    ev_init(&check.again, on_check_time);
    ask();
    return true;
}
