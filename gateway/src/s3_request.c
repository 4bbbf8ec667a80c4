/*
 * s3_request.c - one request to the S3 store: signed, sent, and sent again where that may help.
 *
 * What may pass by itself (no connection, silence, 5xx, "slow down") is tried again, after pauses
 * that double and differ from one gateway to the next, until s3_timeout seconds after the first
 * failure. What will not (a wrong key, no right) is not. An answer that is read as it comes goes on
 * where it was cut, by a range; progress makes its time begin anew.
 */
#include "s3.h"
#include "config.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_PAUSE  0.25 /* seconds */
#define LONGEST      8.0  /* pause, in seconds */
#define ANSWER_MAX   (1 << 20)
#define PATIENCE     4       /* times s3_timeout */
#define BUFFER       131072L /* bytes; libcurl's */
#define CODES(array) (sizeof array / sizeof *array)

static LIST_HEAD(, s3_request) requests = LIST_HEAD_INITIALIZER(requests);
static bool stopping;

/* The store's words for what is wrong. */
static const struct meaning {
    const char *code;
    int error;
    bool passes; /* it may pass by itself */
    const char *advice;
} meanings[] = {
    {"InvalidAccessKeyId", EACCES, false,
     "the store does not know the access key id; mend the credentials"},
    {"SignatureDoesNotMatch", EACCES, false,
     "the secret key, the access key id or s3_region is wrong; mend the credentials"},
    {"AuthorizationHeaderMalformed", EACCES, false,
     "the bucket is in another region; mend s3_region"},
    {"InvalidToken", EACCES, false, "the session token is wrong; mend the credentials"},
    {"ExpiredToken", EACCES, false, "the session token has expired; renew the credentials"},
    {"RequestTimeTooSkewed", EACCES, false, "the clocks differ; set this machine's by NTP"},
    {"AccessDenied", EACCES, false,
     "the credentials lack a right on the bucket; they need s3:PutObject, GetObject, DeleteObject, "
     "AbortMultipartUpload and ListBucketMultipartUploads"},
    {"NoSuchBucket", ENXIO, false, "there is no such bucket; make it, or mend s3_bucket"},
    {"NoSuchKey", ENOENT, false, "there is no such object"},
    {"NoSuchUpload", ENOENT, false, "there is no such upload"},
    {"PermanentRedirect", EREMOTE, false,
     "the bucket is elsewhere; mend s3_endpoint and s3_region"},
    {"TemporaryRedirect", EREMOTE, true, "the bucket is elsewhere; mend s3_endpoint and s3_region"},
    {"QuotaExceeded", ENOSPC, false, "the store is full: its quota is used up"},
    {"XMinioAdminBucketQuotaExceeded", ENOSPC, false, "the store is full: its quota is used up"},
    {"XMinioStorageFull", ENOSPC, false, "the store is full"},
    {"EntityTooLarge", EFBIG, false, "the object is too large for the store"},
    {"NotImplemented", ENOSYS, false, "the store cannot do it"},
    {"BadDigest", EIO, true, "what arrived is not what was sent"},
    {"XAmzContentSHA256Mismatch", EIO, true, "what arrived is not what was sent"},
    {"IncompleteBody", EIO, true, "what arrived is not what was sent"},
    {"RequestTimeout", ETIMEDOUT, true, "the line is too slow"},
    {"SlowDown", EBUSY, true, "the store is overloaded"},
    {"InternalError", EIO, true, "the store has a failure of its own"},
    {"ServiceUnavailable", EBUSY, true, "the store is overloaded"},
};

/* The same by HTTP's status, for words that are not among these. */
static const struct {
    long status;
    struct meaning meaning;
} statuses[] = {
    {301, {"", EREMOTE, false, "the bucket is elsewhere; mend s3_endpoint and s3_region"}},
    {307, {"", EREMOTE, true, "the bucket is elsewhere; mend s3_endpoint and s3_region"}},
    {401, {"", EACCES, false, "the store does not accept the credentials"}},
    {403, {"", EACCES, false, "the store does not accept the credentials, or they lack a right"}},
    {404, {"", ENOENT, false, "it is not there"}},
    {408, {"", ETIMEDOUT, true, "the line is too slow"}},
    {413, {"", EFBIG, false, "the object is too large for the store"}},
    {429, {"", EBUSY, true, "the store is overloaded"}},
    {501, {"", ENOSYS, false, "the store cannot do it"}},
    {507, {"", ENOSPC, false, "the store is full"}},
};

static const struct meaning other = {"", EIO, false, "the store does not accept it"};
static const struct meaning broken = {"", EIO, true, "the store has a failure of its own"};

static const struct meaning *meaning_of(const struct s3_request *request) {
    for (size_t i = 0; i < CODES(meanings); i++) {
        if (strcmp(meanings[i].code, request->code) == 0)
            return &meanings[i];
    }
    for (size_t i = 0; i < CODES(statuses); i++) {
        if (statuses[i].status == request->status)
            return &statuses[i].meaning;
    }
    return request->status >= 500 || request->status < 300 ? &broken : &other;
}

/* What libcurl calls a failure, all of which may pass but for those of certificates. */
static struct meaning meaning_of_line(CURLcode result) {
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return (struct meaning){"", EHOSTUNREACH, true,
                                "its host's name is not known; mend s3_endpoint"};
    case CURLE_COULDNT_CONNECT:
        return (struct meaning){"", ECONNREFUSED, true, "nothing answers there"};
    case CURLE_OPERATION_TIMEDOUT:
        return (struct meaning){"", ETIMEDOUT, true, "it is silent, or too slow"};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return (struct meaning){"", EIO, false,
                                "its certificate is not trusted; mend it, or s3_ca"};
    default:
        return (struct meaning){"", EIO, true, curl_easy_strerror(result)};
    }
}

static const char *where(void) {
    return *config.s3_endpoint ? config.s3_endpoint : "AWS";
}

/* The store's own message is told where we have nothing better. */
static void log_failure(const struct s3_request *request, const struct meaning *meaning) {
    char skew[64] = "", said[64] = "";
    char *message = *meaning->code ? NULL : s3_xml(request->answer, "Message", NULL);
    bool shown = message && !s3_gives_away(message);

    if (strcmp(request->code, "RequestTimeTooSkewed") == 0 && request->date)
        snprintf(skew, sizeof skew, " (by %+ld s)", (long)(time(NULL) - request->date));
    if (request->status)
        snprintf(said, sizeof said, "%ld %s: ", request->status, request->code);
    log_error("store: s3: %s of %s in bucket %s at %s, try %u: %s%s%s%s%s", request->method,
              request->key ? request->key : "the uploads", config.s3_bucket, where(),
              request->tries, said, meaning->advice, skew, shown ? "; it says: " : "",
              shown ? message : "");
    free(message);
}

struct s3_request *s3_request(const char *method, const char *key, const char *query) {
    struct s3_request *request = memory_zeroed(sizeof *request);

    request->method = method;
    request->key = key ? memory_text(key) : NULL;
    request->query = memory_text(query ? query : "");
    s3_sha256("", request->sha256);
    LIST_INSERT_HEAD(&requests, request, all);
    return request;
}

void s3_request_text(struct s3_request *request, char *text) {
    request->text = text;
    s3_sha256(text, request->sha256);
}

static void request_free(struct s3_request *request) {
    LIST_REMOVE(request, all);
    ev_timer_stop(EV_DEFAULT_ & request->again);
    curl_slist_free_all(request->headers);
    free(request->key);
    free(request->query);
    free(request->text);
    free(request->answer);
    free(request);
}

void s3_abort(struct s3_request *request) {
    if (request->transfer)
        transfer_abort(request->transfer);
    request_free(request);
}

/* The body, for libcurl. */

static size_t body_size(const struct s3_request *request) {
    return request->text ? strlen(request->text) : request->pages ? request->pages->size : 0;
}

static size_t give_body(char *into, size_t one, size_t room, void *owner) {
    struct s3_request *request = owner;
    size_t left = body_size(request) - request->sent, done = 0;

    room *= one;
    if (room > left)
        room = left;
    if (request->text) {
        memcpy(into, request->text + request->sent, room);
        done = room;
    }
    while (done < room) {
        size_t at = request->sent + done, in_page = S3_PAGE - at % S3_PAGE;
        size_t n = room - done < in_page ? room - done : in_page;

        memcpy(into + done, request->pages->page[at / S3_PAGE] + at % S3_PAGE, n);
        done += n;
    }
    request->sent += done;
    return done;
}

static int seek_body(void *owner, curl_off_t offset, int origin) {
    struct s3_request *request = owner;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > body_size(request))
        return CURL_SEEKFUNC_FAIL;
    request->sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* The answer, from libcurl. */

static bool is_success(long status) {
    return status >= 200 && status < 300;
}

/* A value without quotes and line end. */
static void copy_value(char *into, size_t room, const char *value, size_t size) {
    size_t length = 0;

    for (size_t i = 0; i < size && length + 1 < room; i++) {
        if (!strchr(" \"\r\n", value[i]))
            into[length++] = value[i];
    }
    into[length] = '\0';
}

/* The head is complete. */
static void opened(struct s3_request *request) {
    curl_off_t length = -1;

    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->status);
    curl_easy_getinfo(request->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (!is_success(request->status) || request->length >= 0)
        return;
    request->length = length;
    if (request->sink && length >= 0)
        request->opened(request->owner, request);
}

static size_t take_header(char *line, size_t one, size_t size, void *owner) {
    static const char etag[] = "etag:", date[] = "date:";
    struct s3_request *request = owner;
    char text[64];

    size *= one;
    if (size > strlen(etag) && strncasecmp(line, etag, strlen(etag)) == 0) {
        copy_value(request->etag, sizeof request->etag, line + strlen(etag), size - strlen(etag));
    } else if (size > strlen(date) && strncasecmp(line, date, strlen(date)) == 0) {
        snprintf(text, sizeof text, "%.*s", (int)(size - strlen(date)), line + strlen(date));
        request->date = curl_getdate(text, NULL);
    } else if (size == 2) {
        opened(request);
    }
    return size;
}

static size_t take_body(char *bytes, size_t one, size_t size, void *owner) {
    struct s3_request *request = owner;

    size *= one;
    if (request->sink && is_success(request->status)) {
        /* A store that does not know ranges would begin anew. */
        if ((request->taken_before > 0 && request->status != 206) ||
            request->taken + (long long)size > request->length)
            return 0;
        if (!request->sink(request->owner, (unsigned char *)bytes, size))
            return CURL_WRITEFUNC_PAUSE;
        request->taken += size;
        return size;
    }
    if (request->answered + size > ANSWER_MAX)
        return 0;
    request->answer = memory_resize(request->answer, request->answered + size + 1);
    memcpy(request->answer + request->answered, bytes, size);
    request->answered += size;
    request->answer[request->answered] = '\0';
    return size;
}

/* Tries. */

static void finish(struct s3_request *request) {
    request->done(request->owner, request);
    request_free(request);
}

static void start(struct s3_request *request);

static void on_again(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    struct s3_request *request = timer->data;

    metrics.store_retries++;
    start(request);
}

/* Half a pause at least, the rest by chance. false: it was tried long enough. */
static bool try_again(struct s3_request *request) {
    double pause = FIRST_PAUSE;

    if (request->deadline == 0 || request->taken > request->taken_before) {
        request->deadline = ev_now(EV_DEFAULT) + config.s3_timeout;
        request->tries = 1;
    }
    for (unsigned i = 1; i < request->tries && pause < LONGEST; i++)
        pause *= 2;
    if (stopping || ev_now(EV_DEFAULT) >= request->deadline)
        return false;
    ev_timer_set(&request->again, pause * (0.5 + drand48() / 2), 0);
    ev_timer_start(EV_DEFAULT_ & request->again);
    return true;
}

/* A 200 may have an error in its body: that of CompleteMultipartUpload begins before its end. */
static bool succeeded(struct s3_request *request) {
    char *code = s3_xml(request->answer, "Code", NULL);
    bool error = request->answer && strstr(request->answer, "<Error");

    snprintf(request->code, sizeof request->code, "%s", error && code ? code : "");
    free(code);
    return is_success(request->status) && !error && !request->sink; /* it has not all */
}

static void on_done(void *owner, CURL *easy UNUSED, CURLcode result) {
    struct s3_request *request = owner;
    struct meaning meaning;
    bool all_taken = request->sink && request->length >= 0 && request->taken == request->length;

    request->transfer = NULL;
    request->easy = NULL;
    if (all_taken || (result == CURLE_OK && succeeded(request))) {
        finish(request);
        return;
    }
    if (result == CURLE_OK) {
        meaning = *meaning_of(request);
    } else {
        request->status = 0;
        meaning = meaning_of_line(result);
    }
    if (meaning.passes && try_again(request))
        return;
    request->result = -meaning.error;
    if (!(request->may_miss && meaning.error == ENOENT)) {
        metrics.store_failures++;
        log_failure(request, &meaning);
    }
    finish(request);
}

static void set_body(struct s3_request *request, CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_size(request));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, request);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, request);
    request->headers =
        curl_slist_append(request->headers, "content-type: application/octet-stream");
}

static void set_options(struct s3_request *request, CURL *easy) {
    char *address = s3_address(request->key, request->query), range[32];

    curl_slist_free_all(request->headers);
    request->headers = s3_headers(request->method, request->key, request->query, request->sha256);
    if (*request->method == 'P')
        set_body(request, easy);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_NOBODY, strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_URL, address);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     (long)config.s3_timeout * (request->patient ? PATIENCE : 1));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    /* On a kept connection that is cut libcurl tries again by itself, and does not tell. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->counted ? 1L : 0L);
    if (request->sink)
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER);
    if (*config.s3_ca)
        curl_easy_setopt(easy, CURLOPT_CAINFO, config.s3_ca);
    if (request->taken > 0) {
        snprintf(range, sizeof range, "%lld-", request->taken);
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
    free(address);
}

static void start(struct s3_request *request) {
    request->easy = transfer_easy();
    request->tries++;
    request->sent = 0;
    request->status = 0;
    request->answered = 0;
    free(request->answer);
    request->answer = NULL;
    request->taken_before = request->taken;
    metrics.store_requests++;
    set_options(request, request->easy);
    request->transfer = transfer_start(request->easy, on_done, request);
}

void s3_send(struct s3_request *request, s3_request_fn *done, void *owner) {
    request->done = done;
    request->owner = owner;
    request->length = -1;
    ev_init(&request->again, on_again);
    request->again.data = request;
    start(request);
}

void s3_resume(struct s3_request *request) {
    if (request->easy)
        curl_easy_pause(request->easy, CURLPAUSE_CONT);
}

bool s3_any(void) {
    return !LIST_EMPTY(&requests);
}

void s3_request_stop(void) {
    struct s3_request *request;

    stopping = true;
    while ((request = LIST_FIRST(&requests))) {
        if (request->transfer)
            transfer_abort(request->transfer);
        request->transfer = NULL;
        request->result = -ECANCELED;
        finish(request);
    }
}
