/*
 * file.h: what uploads in one piece and in parts have in common.
 */
#ifndef ONEFIN_FILE_H
#define ONEFIN_FILE_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

extern text *of_file_arguments(FunctionCallInfo fcinfo, int n);
extern Datum of_file_address(FunctionCallInfo fcinfo, int n);

extern void of_check_file_name(const char *name);
extern void of_check_file_size(int64 size);
extern int64 of_file_reserve(JsonbParseState **json);

/* An upload of this account has become a document: its parts are not needed any more. */
extern void of_upload_done(Datum upload, int64 account, int64 document);

#endif
