/*
 * s3.h - what the files of the S3 store share: store_s3.c (start, stop, remove, presign),
 * s3_write.c, s3_read.c; below them s3_request.c (one request, with its retries), s3_sign.c
 * (credentials, signatures, addresses), s3_pages.c (memory of uploads), s3_xml.c.
 *
 * Only what AWS, MinIO, Ceph and Swift all have is used.
 */
#pragma once

#include "store.h"

#include <curl/curl.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Signatures. */

#define S3_SHA256 65 /* bytes of its hexadecimal text */

/* Reads the credentials. Says why and returns false when there are none, or no bucket is set. */
bool s3_sign_start(void);
void s3_sign_stop(void);

void s3_sha256(const char *text, char sha256[S3_SHA256]);

/* A query's value, encoded; for the caller to free. */
char *s3_encode(const char *text);

/* The address of a request. key NULL: of the bucket. The query is encoded, its names in order, each
 * with '='. For the caller to free. */
char *s3_address(const char *key, const char *query);

/* All headers that go with it; sha256 is the body's. For curl_slist_free_all. */
struct curl_slist *s3_headers(const char *method, const char *key, const char *query,
                              const char *sha256);

char *s3_presign(const char *key, const char *name, const char *type, unsigned seconds);

/* Is a secret of ours in the text? */
bool s3_gives_away(const char *text);

/* XML. */

/* What is in the first <tag>, for the caller to free; NULL: there is none. *at, where not NULL,
 * goes on behind it. */
char *s3_xml(const char *xml, const char *tag, const char **at);

/* Memory of uploads, in pages, within s3_memory for all of them together. */

#define S3_PAGE STORE_CHUNK

struct s3_pages {
    unsigned char **page;
    size_t count;
    size_t size; /* bytes in them */
};

/* Somebody who fills pages. */
struct s3_filler {
    TAILQ_ENTRY(s3_filler) waiting;
    void (*ready)(struct s3_filler *filler); /* may try again */
    bool waits;
    bool next; /* it is its turn */
};

/* Adds a page. false: there is none now, and the filler waits for its turn. */
bool s3_pages_add(struct s3_pages *pages, struct s3_filler *filler);

/* The filler's part is full, or it is gone: it does not wait any more, nor is preferred. */
void s3_pages_yield(struct s3_filler *filler);

void s3_pages_free(struct s3_pages *pages);

/* Requests. */

struct s3_request;
typedef void s3_request_fn(void *owner, struct s3_request *request);

/* Texts and headers are owned by it. From s3_send on it belongs to itself: it is freed when its end
 * was told, or by s3_abort. */
struct s3_request {
    /* what is asked */
    const char *method;
    char *key; /* NULL: the bucket */
    char *query;
    char *text;                   /* body; NULL: */
    const struct s3_pages *pages; /* body; NULL: none */
    char sha256[S3_SHA256];       /* of the body */
    bool patient;                 /* the answer may take long */
    bool counted;                 /* its tries are to be known exactly */
    bool may_miss;                /* what is not there is no failure to be logged */
    s3_request_fn *done;
    void *owner;

    /* for a body that is read as it comes: */
    s3_request_fn *opened;                                              /* its length is known */
    bool (*sink)(void *owner, const unsigned char *bytes, size_t size); /* false: not now */

    /* what came */
    ssize_t result;          /* 0 or -errno */
    char code[48];           /* the store's word for what is wrong; empty: none */
    long status;             /* of HTTP; 0: no answer */
    char *answer;            /* the body; NULL: none, or the sink had it */
    char etag[72];           /* without quotes */
    long long length, taken; /* bytes of the whole body; of them the sink has */
    unsigned tries;

    /* how it goes */
    LIST_ENTRY(s3_request) all;
    struct transfer *transfer; /* NULL while waiting for the next try */
    CURL *easy;                /* of the transfer */
    struct curl_slist *headers;
    size_t sent, answered;  /* bytes */
    long long taken_before; /* this try */
    time_t date;            /* by the store's clock; 0: unknown */
    ev_tstamp deadline;     /* of tries; 0: none failed */
    ev_timer again;
};

/* A request to be filled in further, and sent. key and query (may be NULL) are copied. */
struct s3_request *s3_request(const char *method, const char *key, const char *query);

/* Gives it a body: text is taken over. */
void s3_request_text(struct s3_request *request, char *text);

void s3_send(struct s3_request *request, s3_request_fn *done, void *owner);

/* The sink takes more again. */
void s3_resume(struct s3_request *request);

/* Ends it, sent or not; nothing is told. */
void s3_abort(struct s3_request *request);

/* Are there any? */
bool s3_any(void);

/* Ends all that are left; each end is told, as -ECANCELED. */
void s3_request_stop(void);

/* Removing, in store_s3.c. */

void s3_remove(const char *key, store_done_fn *done, void *owner);

/* Ends multipart uploads of the key that are left, the object stays. */
void s3_end_uploads(const char *key);

/* Objects. */

struct s3_object {
    struct store_object shared;
    bool reads;
    ev_timer tell;
    ssize_t result;
};

void s3_object_init(struct s3_object *object, bool reads, store_done_fn *done, void *owner);

/* Has the owner told from the loop. */
void s3_tell(struct s3_object *object, ssize_t result);

/* Before it is freed: nothing is told any more. */
void s3_silence(struct s3_object *object);

struct store_object *s3_create(store_done_fn *done, void *owner);
void s3_name(struct store_object *object, const char *key);
void s3_write(struct store_object *object, size_t size);
void s3_commit(struct store_object *object);
void s3_write_drop(struct s3_object *object);

struct store_object *s3_open(const char *key, store_done_fn *done, void *owner);
void s3_read(struct store_object *object);
void s3_read_drop(struct s3_object *object);
