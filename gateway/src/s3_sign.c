/*
 * s3_sign.c - credentials, addresses, and signatures (AWS Signature Version 4).
 *
 * One signer for requests, whose signature is in a header, and for presigned addresses, whose
 * signature is a part of the query. Keys and bucket names are plain, so that paths need no
 * encoding.
 */
#include "s3.h"
#include "config.h"
#include "http.h"
#include "log.h"
#include "memory.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define UNSIGNED  "UNSIGNED-PAYLOAD"

static struct { char *id, *secret, *token; /* token: of a session, or NULL */ } credentials;

/* The moment of a signature, and what it is valid for. */
struct scope {
    char time[20], day[12];
    char *text;
};

static const struct {
    const char *in_file, *in_environment;
    char **value;
} parts[] = {{"aws_access_key_id", "AWS_ACCESS_KEY_ID", &credentials.id},
             {"aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", &credentials.secret},
             {"aws_session_token", "AWS_SESSION_TOKEN", &credentials.token}};

#define PARTS (sizeof parts / sizeof *parts)

static char *trim(char *text) {
    char *end;

    text += strspn(text, " \t");
    end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

/* A line of the file, which is in the section [default], or before any. */
static void read_credential(char *line) {
    char *value = strchr(line, '=');

    if (!value)
        return;
    *value++ = '\0';
    for (size_t i = 0; i < PARTS; i++) {
        if (strcmp(trim(line), parts[i].in_file) == 0) {
            memory_forget(*parts[i].value);
            *parts[i].value = memory_text(trim(value));
        }
    }
}

/* The file as AWS tools have it. (inih would cut a session's token, which is long.) */
static bool read_file(const char *path) {
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    bool ours = true;
    struct stat about;

    if (!file) {
        log_error("store: s3: cannot read %s: %s; mend s3_credentials", path, strerror(errno));
        return false;
    }
    if (fstat(fileno(file), &about) == 0 && about.st_mode & S_IROTH)
        log_warning("store: s3: everybody on this machine can read %s; chmod o-r", path);
    while (getline(&line, &room, file) > 0) {
        char *text = trim(line);

        if (*text == '[')
            ours = strcmp(text, "[default]") == 0;
        else if (ours && *text != '#' && *text != ';')
            read_credential(text);
        explicit_bzero(line, room);
    }
    free(line);
    fclose(file);
    return true;
}

/* They are taken out of it, or processes started later would have them too. */
static void read_environment(void) {
    for (size_t i = 0; i < PARTS; i++) {
        const char *value = getenv(parts[i].in_environment);

        if (value && *value)
            *parts[i].value = memory_text(value);
        unsetenv(parts[i].in_environment);
    }
}

bool s3_sign_start(void) {
    if (!*config.s3_bucket) {
        log_error("store: s3: no bucket; set s3_bucket");
        return false;
    }
    if (!*config.s3_credentials)
        read_environment();
    else if (!read_file(config.s3_credentials))
        return false;
    if (credentials.id && credentials.secret)
        return true;
    log_error("store: s3: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
              "s3_credentials to a file with aws_access_key_id = ... and "
              "aws_secret_access_key = ...");
    s3_sign_stop();
    return false;
}

void s3_sign_stop(void) {
    for (size_t i = 0; i < PARTS; i++) {
        memory_forget(*parts[i].value);
        *parts[i].value = NULL;
    }
}

bool s3_gives_away(const char *text) {
    for (size_t i = 0; i < PARTS; i++) {
        if (*parts[i].value && strstr(text, *parts[i].value))
            return true;
    }
    return false;
}

/* Digests. */

static void to_hex(const unsigned char *bytes, size_t size, char *text) {
    for (size_t i = 0; i < size; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
}

void s3_sha256(const char *text, char sha256[S3_SHA256]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text, strlen(text), digest);
    to_hex(digest, sizeof digest, sha256);
}

static void hmac(unsigned char key[SHA256_DIGEST_LENGTH], size_t key_size, const char *text,
                 unsigned char out[SHA256_DIGEST_LENGTH]) {
    HMAC(EVP_sha256(), key, key_size, (const unsigned char *)text, strlen(text), out, NULL);
}

/* Addresses. */

char *s3_encode(const char *text) {
    char *encoded = memory_new(3 * strlen(text) + 1), *end = encoded;

    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            *end++ = *text;
        else
            end += sprintf(end, "%%%02X", (unsigned char)*text);
    }
    *end = '\0';
    return encoded;
}

/* AWS itself, when no endpoint is set. */
static char *endpoint(void) {
    return *config.s3_endpoint ? memory_text(config.s3_endpoint)
                               : memory_format("https://s3.%s.amazonaws.com", config.s3_region);
}

/* Scheme and host with the bucket in it, if that is the style. */
static char *base(char *endpoint) {
    char *host = strstr(endpoint, "://") + 3;
    char *base =
        config.s3_style == S3_STYLE_HOST
            ? memory_format("%.*s%s.%s", (int)(host - endpoint), endpoint, config.s3_bucket, host)
            : memory_text(endpoint);

    free(endpoint);
    return base;
}

static char *path(const char *key) {
    if (config.s3_style == S3_STYLE_HOST)
        return memory_format("/%s", key ? key : "");
    return memory_format("/%s%s%s", config.s3_bucket, key ? "/" : "", key ? key : "");
}

/* An address of the base, which is freed. */
static char *address(char *base, const char *key, const char *query) {
    char *where = path(key);
    char *whole = memory_format("%s%s%s%s", base, where, *query ? "?" : "", query);

    free(base);
    free(where);
    return whole;
}

char *s3_address(const char *key, const char *query) {
    return address(base(endpoint()), key, query);
}

/* Signatures. */

static void scope_now(struct scope *scope) {
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(scope->time, sizeof scope->time, "%Y%m%dT%H%M%SZ", &utc);
    strftime(scope->day, sizeof scope->day, "%Y%m%d", &utc);
    scope->text = memory_format("%s/%s/s3/aws4_request", scope->day, config.s3_region);
}

/* headers: as they are signed, each with its line feed. names: of them, with ';' between. */
static void sign(const struct scope *scope, const char *method, const char *key, const char *query,
                 const char *headers, const char *names, const char *sha256,
                 char signature[S3_SHA256]) {
    unsigned char one[SHA256_DIGEST_LENGTH], two[SHA256_DIGEST_LENGTH];
    char *where = path(key), *first = memory_format("AWS4%s", credentials.secret), *text;
    char hash[S3_SHA256];

    text = memory_format("%s\n%s\n%s\n%s\n%s\n%s", method, where, query, headers, names, sha256);
    s3_sha256(text, hash);
    free(text);
    text = memory_format(ALGORITHM "\n%s\n%s\n%s", scope->time, scope->text, hash);
    hmac((unsigned char *)first, strlen(first), scope->day, one);
    hmac(one, sizeof one, config.s3_region, two);
    hmac(two, sizeof two, "s3", one);
    hmac(one, sizeof one, "aws4_request", two);
    hmac(two, sizeof two, text, one);
    to_hex(one, sizeof one, signature);
    memory_forget(first);
    free(text);
    free(where);
}

/* Adds a header to what is sent and to what is signed. */
static void add(struct curl_slist **list, char **signed_headers, char **names, const char *name,
                const char *value) {
    char *line = memory_format("%s: %s", name, value);
    char *more = memory_format("%s%s:%s\n", *signed_headers, name, value);
    char *more_names = memory_format("%s%s%s", *names, **names ? ";" : "", name);

    *list = curl_slist_append(*list, line);
    free(line);
    memory_forget(*signed_headers);
    free(*names);
    *signed_headers = more;
    *names = more_names;
}

struct curl_slist *s3_headers(const char *method, const char *key, const char *query,
                              const char *sha256) {
    struct scope scope;
    struct curl_slist *list = NULL;
    char *headers = memory_text(""), *names = memory_text(""), *host = base(endpoint()), *line;
    char signature[S3_SHA256];

    scope_now(&scope);
    /* in the order of their names */
    add(&list, &headers, &names, "host", strstr(host, "://") + 3);
    add(&list, &headers, &names, "x-amz-content-sha256", sha256);
    add(&list, &headers, &names, "x-amz-date", scope.time);
    if (credentials.token)
        add(&list, &headers, &names, "x-amz-security-token", credentials.token);
    sign(&scope, method, key, query, headers, names, sha256, signature);
    line = memory_format("authorization: " ALGORITHM
                         " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                         credentials.id, scope.text, names, signature);
    list = curl_slist_append(list, line);
    free(line);
    memory_forget(headers);
    free(names);
    free(host);
    free(scope.text);
    return list;
}

/* "&name=" and the value, encoded; nothing without a value. For the caller to free. */
static char *parameter(const char *name, const char *value) {
    char *encoded = value ? s3_encode(value) : NULL;
    char *text = value ? memory_format("&%s=%s", name, encoded) : memory_text("");

    free(encoded);
    return text;
}

/* What is signed of a presigned address, its names in order. */
static char *presign_query(const struct scope *scope, const char *name, const char *type,
                           unsigned seconds) {
    char *who = memory_format("%s/%s", credentials.id, scope->text), *as = http_attachment(name);
    char *credential = parameter("X-Amz-Credential", who);
    char *token = parameter("X-Amz-Security-Token", credentials.token);
    char *disposition = parameter("response-content-disposition", as);
    char *content_type = parameter("response-content-type", type);
    char *query = memory_format("X-Amz-Algorithm=" ALGORITHM "%s&X-Amz-Date=%s&X-Amz-Expires=%u%s"
                                "&X-Amz-SignedHeaders=host%s%s",
                                credential, scope->time, seconds, token, disposition, content_type);

    free(who);
    free(as);
    free(credential);
    free(token);
    free(disposition);
    free(content_type);
    return query;
}

char *s3_presign(const char *key, const char *name, const char *type, unsigned seconds) {
    struct scope scope;
    char signature[S3_SHA256];
    char *where =
        base(*config.s3_public_endpoint ? memory_text(config.s3_public_endpoint) : endpoint());
    char *headers = memory_format("host:%s\n", strstr(where, "://") + 3);
    char *query, *whole;

    scope_now(&scope);
    query = presign_query(&scope, name, type, seconds);
    sign(&scope, "GET", key, query, headers, "host", UNSIGNED, signature);
    whole = memory_format("%s&X-Amz-Signature=%s", query, signature);
    free(query);
    query = whole;
    whole = address(where, key, query);
    free(query);
    free(headers);
    free(scope.text);
    return whole;
}
