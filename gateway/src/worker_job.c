/*
 * worker_job.c - a child's work, within the sandbox: what is to be done, and how its end is told.
 *
 * Answers are lines of JSON; the last one holds. So the stamp is told before the preview is tried,
 * and nothing that happens to the preview harms it. An allocation that fails ends the task at once:
 * the libraries below do all sorts of things then.
 */
#include "worker_task.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pango/pangocairo.h>
#include <poppler.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vips/vips.h>
#include <vips/vector.h>

#define THREADS_PATIENCE 2000 /* milliseconds */

int answer_pipe = -1;
static bool answered;

/* Ends. */

void fail(const char *reason, const char *format, ...) {
    char message[512], *text;
    va_list arguments;
    json_t *answer;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *c = message; *c; c++) /* what libraries say has lines */
        *c = (unsigned char)*c < ' ' ? ' ' : *c;
    for (size_t end = strlen(message); end > 0 && message[end - 1] == ' ';)
        message[--end] = '\0';
    answer = json_pack("{s:b, s:s, s:s, s:b}", "ok", 0, "reason", reason, "message", message,
                       "final", 1);
    text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    if (!answered)
        dprintf(answer_pipe, "%s\n",
                text ? text
                     : "{\"ok\":false,\"reason\":\"broken\",\"message\":\"The file is "
                       "damaged.\",\"final\":true}");
    _exit(EXIT_SUCCESS);
}

#ifndef WATCHED
static void *checked(void *memory, size_t size) {
    static const char answer[] =
        "{\"ok\":false,\"reason\":\"too_large\",\"message\":\"The file needs "
        "more memory than it may have.\",\"final\":true}\n";

    if (memory || size == 0 || answer_pipe < 0)
        return memory;
    if (!answered && write(answer_pipe, answer, sizeof answer - 1) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS);
}

/* libc's own, by the names that are left for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

SHOWN void *malloc(size_t size) {
    return checked(__libc_malloc(size), size);
}

SHOWN void *calloc(size_t count, size_t size) {
    return checked(__libc_calloc(count, size), count && size);
}

SHOWN void *realloc(void *old, size_t size) {
    return checked(__libc_realloc(old, size), size);
}

SHOWN void *memalign(size_t alignment, size_t size) {
    return checked(__libc_memalign(alignment, size), size);
}

SHOWN void *aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}

SHOWN int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = memalign(alignment, size);
    return *memory || size == 0 ? 0 : ENOMEM;
}
#endif

/* Files. */

struct bytes read_all(int file) {
    struct stat stat;
    void *at;

    if (fstat(file, &stat) < 0)
        fail("died", "The file cannot be read: %s.", strerror(errno));
    if (stat.st_size == 0)
        return (struct bytes){(const unsigned char *)"", 0};
    at = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED)
        fail("too_large", "The file needs more memory than it may have.");
    return (struct bytes){at, stat.st_size};
}

void write_all(int file, struct bytes bytes) {
    while (bytes.size > 0) {
        ssize_t size = write(file, bytes.at, bytes.size);

        if (size < 0)
            fail("died", "The result cannot be written: %s.", strerror(errno));
        bytes.at += size;
        bytes.size -= size;
    }
}

/* Answers. */

json_t *job_answer(const struct work *work, const char *type, const char *extension, bool is_signed,
                   int pages) {
    bool same = strcmp(type, work->type) == 0 && !work->was_office;

    return json_pack("{s:b, s:s, s:s?, s:b, s:i, s:b}", "ok", 1, "type", type, "extension",
                     same ? NULL : extension, "signed", is_signed, "pages", pages, "preview", 0);
}

void job_answer_early(json_t *answer) {
    char *text = json_dumps(answer, JSON_COMPACT);

    dprintf(answer_pipe, "%s\n", text);
    free(text);
    answered = true;
}

static void refuse_type(const char *type) {
    fail("unsupported",
         "Files of this type (%.80s) cannot be stamped. Save it as PDF or as a picture, and send "
         "that.",
         *type ? type : "unknown");
}

static json_t *stamp(struct work *work) {
    struct mark *mark = mark_new(work->request, work->files[TASK_LOGO]);

    if (work->files[TASK_OUTPUT] < 0)
        fail("died", "a stamp without output");
    if (strcmp(work->type, "application/pdf") == 0)
        return pdf_stamp(work, mark);
    if (!image_is(work->type))
        refuse_type(work->type);
    return image_stamp(work, mark);
}

static json_t *preview(struct work *work) {
    struct bytes input = read_all(work->files[TASK_INPUT]);
    json_t *answer = job_answer(work, work->type, NULL, false, 0);

    if (work->files[TASK_PREVIEW] < 0)
        fail("died", "a preview without file");
    if (strcmp(work->type, "application/pdf") == 0)
        preview_pdf(input, work->files[TASK_PREVIEW]);
    else if (image_is(work->type))
        preview_image(work->type, input, work->files[TASK_PREVIEW]);
    else
        refuse_type(work->type);
    json_object_set_new(answer, "preview", json_true());
    return answer;
}

json_t *job_do(struct work *work) {
    if (work->files[TASK_INPUT] < 0)
        fail("died", "a task without input");
    if (strcmp(work->kind, "stamp") == 0)
        return stamp(work);
    if (strcmp(work->kind, "preview") == 0)
        return preview(work);
    if (strcmp(work->kind, "logo") == 0)
        return logo_make(work);
    fail("died", "no such kind of task");
}

/* Draws a mark, and looks at it: fonts, cairo and poppler are loaded then. */
static void warm_up(void) {
    json_t *request = json_pack("{s:s}", "uploader_name", "Gʻulom Ҳакимов");
    struct mark *mark = mark_new(request, -1);
    double width, height;
    struct bytes drawn = mark_pdf(mark, MARK_BLOCK, 10, &width, &height);
    GBytes *bytes = g_bytes_new_static(drawn.at, drawn.size);
    PopplerDocument *document = poppler_document_new_from_bytes(bytes, NULL, NULL);

    if (document)
        g_object_unref(document);
    g_bytes_unref(bytes);
    json_decref(request);
}

static int count_threads(void) {
    DIR *threads = opendir("/proc/self/task");
    int count = -2; /* . and .. */

    while (threads && readdir(threads))
        count++;
    closedir(threads);
    return count;
}

/* A fork takes along the thread that calls it, and the locks of all. Newer pangos keep a thread for
 * their fonts, which ends with them. */
static void wait_for_threads(void) {
    for (int i = 0; count_threads() > 1; i++) {
        if (i == THREADS_PATIENCE / 2)
            pango_cairo_font_map_set_default(NULL);
        if (i == THREADS_PATIENCE) {
            fprintf(stderr, "onefin-worker: there are threads that do not end\n");
            exit(EXIT_FAILURE);
        }
        usleep(1000);
    }
}

/* libvips without its modules, but for HEIC: ImageMagick and others would only be there to be
 * attacked, and to be copied with each fork. Where HEIC is no module, it is in libvips itself. */
static void start_vips(void) {
    const char *(*load)(void *);
    void *heic;

    setenv("VIPSHOME", "/nonexistent", 1); /* where it looks for them */
    if (VIPS_INIT("onefin-worker") != 0)
        exit(EXIT_FAILURE);
    unsetenv("VIPSHOME");
    heic = dlopen(VIPS_MODULES "/vips-heif.so", RTLD_NOW);
    load = heic ? dlsym(heic, "g_module_check_init") : NULL;
    if (load)
        load(NULL);
}

void job_prepare(void) {
    start_vips();
    vips_block_untrusted_set(TRUE);
    vips_cache_set_max(0);
    vips_vector_set_enabled(FALSE); /* it makes code, which the sandbox does not allow */
    mallopt(M_ARENA_MAX, 4);        /* each takes address space, which is limited */
    warm_up();
    wait_for_threads();
}

#ifdef __SANITIZE_ADDRESS__
/* What the libraries keep for good is no leak. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
    return 1;
}
#endif
