/*
 * export.h: what is to be exported, and the records of an export as lines of CSV or JSON.
 */
#ifndef ONEFIN_EXPORT_H
#define ONEFIN_EXPORT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "sealed.h"
#include "utils/jsonb.h"

typedef enum OfExportFormat { OF_EXPORT_CSV, OF_EXPORT_JSONL, OF_EXPORT_NFORMATS } OfExportFormat;

extern const char *of_export_format_name(OfExportFormat format);

/* The range of seals, and which of their entries are shown. */
typedef struct OfExportWish {
    OfExportFormat format; /* OF_EXPORT_NFORMATS: none given */
    int64 from;
    int64 to; /* 0: up to the newest */
    TimestampTz since;
    TimestampTz until;
    int64 actor; /* 0: any, and so below */
    int64 org;
    const char *kind; /* NULL: any; a * at the end stands for anything */
} OfExportWish;

/* Entries left out one after the other, up to OF_EXPORT_RUN. */
#define OF_EXPORT_RUN 400

typedef struct OfWithheld {
    int first; /* index of the first in the seal */
    int n;
    OfHash digests[OF_EXPORT_RUN];
    uint8 checks[OF_EXPORT_RUN][OF_CHECK_BYTES]; /* as the seal keeps them */
} OfWithheld;

/* What the last line sums up. */
typedef struct OfExportSum {
    int64 from;
    int64 to;
    int64 seals;
    int64 entries;
    int64 shown;
    OfHash before;
    OfHash hash;
} OfExportSum;

extern const OfExportWish of_export_everything;

/* Errors: 22023 and what the types' input raises, for what is no parameter of an export. */
extern void of_export_refuse(const char *name, const char *what, const char *hint);
extern OfExportFormat of_export_format(const char *name);
extern int64 of_export_id(const char *name, int64 id);
extern void of_export_read(OfExportWish *wish, Jsonb *params);
extern void of_export_check(const OfExportWish *wish);

extern Jsonb *of_export_json(const OfExportWish *wish, const OfExportSum *sum);
extern char *of_export_filter(const OfExportWish *wish);
extern bool of_export_wants(const OfExportWish *wish, const OfSealedEntry *entry);

/* Each appends one line, without its end. */
extern void of_export_header(StringInfo to); /* of CSV */
extern void of_export_begin(StringInfo to, OfExportFormat format, const OfExportSum *sum,
                            const char *filter);
extern void of_export_entry(StringInfo to, OfExportFormat format, const OfSeal *seal, int index,
                            const OfSealedEntry *entry);
extern void of_export_withheld(StringInfo to, OfExportFormat format, const OfSeal *seal,
                               const OfWithheld *withheld);
extern void of_export_missing(StringInfo to, OfExportFormat format, const OfSeal *seal, int index);
extern void of_export_seal(StringInfo to, OfExportFormat format, const OfSeal *seal);
extern void of_export_end(StringInfo to, OfExportFormat format, const OfExportSum *sum);

/* A cell of CSV that no spreadsheet takes for a formula. */
extern void of_export_cell(StringInfo to, const char *text);

/* A time as exports write it: UTC, ISO 8601, microseconds. */
extern char *of_export_time(TimestampTz time);

#endif
