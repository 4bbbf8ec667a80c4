/*
 * worker_task.h - onefin-worker inside: the program that parses strangers' files.
 *
 *   worker_main      options; a task by hand
 *   worker_zygote    the parent: takes tasks from the gateway, forks a child for each, watches over
 *                    it, answers. It parses nothing but the gateway's tasks and the children's
 * answers worker_sandbox   what a child gives up before it looks at a file: limits, Landlock,
 * seccomp worker_job       a child's work: which of the following is to be done worker_mark the
 * stamp: its texts, its looks worker_pdf       stamps PDF files; worker_content looks for what
 * their pages leave open worker_image     stamps pictures; worker_jpeg, worker_png and worker_tiff
 * the ways of these worker_preview   the small picture of a document worker_logo      a logo as PNG
 *   worker_office    office files to PDF, by LibreOffice
 *
 * What fails says so by fail(), which ends the child: nothing of it is needed any more.
 */
#pragma once

#include <cairo.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNUSED __attribute__((unused))
#define SHOWN  __attribute__((visibility("default"))) /* to libraries; all else is hidden */

/* AddressSanitizer has an allocator of its own, and maps terabytes. */
#if defined __SANITIZE_ADDRESS__
#define WATCHED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif

struct limits {
    size_t memory;    /* bytes of address space */
    unsigned seconds; /* by the clock, and of processor time */
};

enum { TASK_INPUT, TASK_OUTPUT, TASK_PREVIEW, TASK_LOGO, TASK_FILES };

/* A task, as its child has it. */
struct work {
    const char *kind;
    const char *type; /* of input */
    json_t *request;
    int files[TASK_FILES]; /* -1: none */
    bool was_office;       /* input was made from an office file */
};

/* Does a task and returns its answer, or ends by fail(). */
typedef json_t *work_fn(struct work *work);

/* Bytes that were read, or are to be written. */
struct bytes {
    const unsigned char *at;
    size_t size;
};

/* worker_zygote.c */

/* Serves the gateway at the other end of the socket, until it goes. Returns the exit status. */
int zygote_serve(int socket, const struct limits *limits, work_fn *work);

/* Does one task by a child like any other, and returns its answer. Takes over its descriptors. */
json_t *zygote_do(const char *kind, json_t *request, const int *files, const struct limits *limits,
                  work_fn *work);

/* Whether there are such tasks. */
bool zygote_knows(const char *kind);

/* worker_sandbox.c */

struct sandbox {
    struct limits limits;
    const int *keep; /* descriptors, in rising order; all others are closed */
    size_t kept;
    const char *folder; /* of LibreOffice, else NULL */
};

/* Makes what all children share; says so where the kernel has no Landlock. */
void sandbox_prepare(void);

/* Gives up all that a task does not need. Ends the process when that cannot be done. */
void sandbox_enter(const struct sandbox *sandbox);

/* worker_job.c: the child's side */

/* Where fail() and running out of memory tell of it: written at once, as one line of JSON. */
extern int answer_pipe;

void fail(const char *reason, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

json_t *job_do(struct work *work);

/* An answer that is ok; without a preview as yet. */
json_t *job_answer(const struct work *work, const char *type, const char *extension, bool is_signed,
                   int pages);

/* Tells an answer that holds, unless another is told later. */
void job_answer_early(json_t *answer);

/* Loads the libraries, so that children find them ready. */
void job_prepare(void);

/* The whole file, mapped; it may be empty. */
struct bytes read_all(int file);

void write_all(int file, struct bytes bytes);

/* worker_mark.c */

enum mark_shape { MARK_LINE, MARK_BLOCK, MARK_SHAPES };

struct mark;

/* From the request; the logo is a PNG, or -1. */
struct mark *mark_new(json_t *request, int logo);

/* From now on it says as well that this is not the signed original. */
void mark_add_note(struct mark *mark);

/* What it takes up when its letters are of this size. */
void mark_measure(struct mark *mark, enum mark_shape shape, double size, double *width,
                  double *height);

/* Draws it with its upper left corner at 0, 0. */
void mark_draw(struct mark *mark, cairo_t *to, enum mark_shape shape, double size);

/* As one page of a PDF file of that size. */
struct bytes mark_pdf(struct mark *mark, enum mark_shape shape, double size, double *width,
                      double *height);

/* worker_image.c */

bool image_is(const char *type);

/* Stamps `input`, returns the answer; with the preview, if one is wanted. */
json_t *image_stamp(struct work *work, struct mark *mark);

/* worker_pdf.c */
json_t *pdf_stamp(struct work *work, struct mark *mark);

/* Fails where a picture's header says that it is no picture, or too large. */
void image_check_header(const char *type, struct bytes input);

/* worker_preview.c */
void preview_pdf(struct bytes pdf, int preview);
void preview_image(const char *type, struct bytes image, int preview);

/* worker_logo.c */
json_t *logo_make(struct work *work);

/* worker_office.c */

/* The ending of office files of this type, or NULL. */
const char *office_ending(const char *type);

/* Whether LibreOffice is there. */
bool office_ready(void);

/* A new folder for one file, or NULL; it goes by office_remove, which frees the name, too. */
char *office_folder(void);
void office_remove(char *folder);

/* Removes the folders that a worker left behind when it was killed. */
void office_sweep(void);

/* Is LibreOffice from now on, which converts the input within the folder. Its exit status may be
 * that it is to be run again. */
void office_convert(const struct work *work, const char *folder, const struct limits *limits)
    __attribute__((noreturn));

#define OFFICE_AGAIN 81

/* What it made: a PDF, open for reading; -1: nothing. */
int office_result(const char *folder);
