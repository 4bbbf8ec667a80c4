-- What gateways ask about files and jobs. Each answers {"result"} or {"error"}, as onefin.call does, but for
-- those without a token.

CREATE FUNCTION onefin.file_begin(token text, topic bigint, name text, address inet DEFAULT NULL, size bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_file_begin';
COMMENT ON FUNCTION onefin.file_begin(text, bigint, text, inet, bigint) IS
    'Asks whether the account of the token may upload to the topic so many bytes, and reserves an id and a key of the store: {"result": {document, key}}';
CREATE FUNCTION onefin.file_end(token text, document bigint, key text, topic bigint, name text, type text,
                                size bigint, sha256 bytea, address inet DEFAULT NULL, upload uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_file_end';
COMMENT ON FUNCTION onefin.file_end(text, bigint, text, bigint, text, text, bigint, bytea, inet, uuid) IS
    'Records a document whose bytes the store has under the reserved key, and what upload became of it: {"result": the document}; size in bytes';
CREATE FUNCTION onefin.file_get(token text, document bigint, variant text DEFAULT 'file', how text DEFAULT 'stream', address inet DEFAULT NULL)
    RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_file_get';
COMMENT ON FUNCTION onefin.file_get(text, bigint, text, text, inet) IS
    'Where the store keeps what the account of the token may get of a document (file, preview or original; stream or link), journaled, a refusal too: {"result": {key, name, type, size, sha256}}';

CREATE FUNCTION onefin.upload_begin(token text, topic bigint, name text, length bigint, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_upload_begin';
COMMENT ON FUNCTION onefin.upload_begin(text, bigint, text, bigint, inet) IS 'Begins an upload in parts; length in bytes: {"result": {upload}}';
CREATE FUNCTION onefin.upload_look(token text, upload uuid, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_upload_look';
COMMENT ON FUNCTION onefin.upload_look(text, uuid, inet) IS
    'How far my upload is: {"result": {upload, topic, name, length, offset, document}}; document is null until it is one';
CREATE FUNCTION onefin.upload_part(token text, upload uuid, "offset" bigint, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_upload_part';
COMMENT ON FUNCTION onefin.upload_part(text, uuid, bigint, inet) IS
    'Reserves a key for the bytes from the offset on, which must be how far my upload is: {"result": {key}}';
CREATE FUNCTION onefin.upload_add(token text, upload uuid, "offset" bigint, key text, size bigint, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_upload_add';
COMMENT ON FUNCTION onefin.upload_add(text, uuid, bigint, text, bigint, inet) IS
    'Records a part that the store has; size in bytes: {"result": {offset, complete}}. One that comes second at its offset is refused';
CREATE FUNCTION onefin.upload_finish(token text, upload uuid, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_upload_finish';
COMMENT ON FUNCTION onefin.upload_finish(text, uuid, inet) IS
    'The parts of my complete upload, to be put together under a reserved key: {"result": {document, key, topic, name, length, parts: [{key, size}]}}; once it is a document, {"result": {done: the document}}';
CREATE FUNCTION onefin.upload_drop(token text, upload uuid, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_upload_drop';
COMMENT ON FUNCTION onefin.upload_drop(text, uuid, inet) IS 'Gives up my upload: {"result": {}}';

CREATE FUNCTION onefin.files_to_erase("limit" integer, after text DEFAULT '') RETURNS TABLE (key text)
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_files_to_erase';
COMMENT ON FUNCTION onefin.files_to_erase(integer, text) IS
    'Keys after one, in order, whose bytes a gateway is to remove from the store: of what was erased, replaced, or recorded by nobody in time';
CREATE FUNCTION onefin.file_erased(key text) RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_file_erased';
COMMENT ON FUNCTION onefin.file_erased(text) IS
    'Tells that the store has nothing under a key any more; of an erased document''s last one that is journaled; repeating is harmless';

CREATE FUNCTION onefin.jobs_take(gateway text, max integer, present bigint[], notices integer DEFAULT 8) RETURNS jsonb
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_jobs_take';
COMMENT ON FUNCTION onefin.jobs_take(text, integer, bigint[], integer) IS
    'Takes jobs that are due, for 30 s: {jobs, next}; max: of those for the worker; notices: of mails and webhooks; present: accounts that are there, who need no mail; next: seconds until one may be due, null when there is none';
CREATE FUNCTION onefin.jobs_keep(gateway text, jobs bigint[]) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_jobs_keep';
COMMENT ON FUNCTION onefin.jobs_keep(text, bigint[]) IS 'A gateway tells that it is at work on these, for 30 s more';
CREATE FUNCTION onefin.job_done(job bigint, attempt integer, result jsonb) RETURNS boolean
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_job_done';
COMMENT ON FUNCTION onefin.job_done(bigint, integer, jsonb) IS
    'Records what became of a job; false when another has it by now, or its document is gone: what was stored for it is to be removed';
CREATE FUNCTION onefin.job_failed(job bigint, attempt integer, reason text, message text, final boolean) RETURNS boolean
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_job_failed';
COMMENT ON FUNCTION onefin.job_failed(bigint, integer, text, text, boolean) IS
    'A job went wrong: it is tried again later, at most 8 times, or at once set aside when that is final; false when another has it by now';
