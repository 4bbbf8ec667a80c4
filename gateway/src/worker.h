/*
 * worker.h - stamps, previews and logos, made by the program onefin-worker.
 *
 * Strangers' files are parsed by nobody else. The worker is a process beside the gateway that forks
 * a sandboxed child for each task; what happens to it is told as the answer of the tasks it had,
 * and it is started again. Everything here belongs to the thread of the event loop.
 *
 * Files travel as descriptors of regular files, never as names: `input` and `logo` are read from
 * their beginning, whatever their position; `output` and `preview` are empty files, open for
 * writing.
 *
 *   kind     request                                                       descriptors
 *   stamp    type, document, uploader (numbers), uploader_name, at         input, output;
 *            (text as to be shown), office (bool)                          preview, logo or -1
 *   preview  type, office                                                  input, preview
 *   logo     type                                                          input, output (a PNG)
 *
 * `logo` of a stamp is what the kind logo made, or no logo: -1. A request may have more members.
 *
 * The answer: {"ok": true, "type": media type of output, "extension": its ending without a dot
 * where the type has changed, else null, "signed": bool, "pages": number, "preview": whether there
 * is one}, or {"ok": false, "reason": as in a document's body, "message": English, to be shown,
 * "final": false where it may go better another time}. What was written to output and preview of a
 * task that is not ok is to be thrown away, and so is preview where "preview" is false.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct worker_task {
    const char *kind;
    json_t *request;
    int input, output, preview, logo; /* -1: none */
};

/* Told once, from the event loop, never within worker_run. The answer is lent. */
typedef void worker_done_fn(void *owner, json_t *answer);

struct worker_task_handle;

/* Takes over the task's request (its reference) and descriptors. It waits where jobs_at_once are
 * under way already. The handle is good until done was called, or worker_abandon. */
struct worker_task_handle *worker_run(const struct worker_task *task, worker_done_fn *done,
                                      void *owner);

/* Ends it, wherever it is; done is not called. */
void worker_abandon(struct worker_task_handle *handle);

/* Says why and returns false where there is no such program. */
bool worker_start(void);

/* Kills the worker with what it has under way; no done is called any more. */
void worker_stop(void);
