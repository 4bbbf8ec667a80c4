-- Versions: compared, as they stood at a past instant, and taken out.

CREATE FUNCTION onefin.word_diff(before text, after text) RETURNS jsonb
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'onefin_word_diff';
COMMENT ON FUNCTION onefin.word_diff(text, text) IS
    'What changed, word by word: [{op: keep, remove or add, text}]; keep and remove make up before, keep and add after';

CREATE FUNCTION onefin.history_at(topic bigint, before bigint, "limit" integer, as_of timestamptz) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_history_at';
COMMENT ON FUNCTION onefin.history_at(bigint, bigint, integer, timestamptz) IS
    'A topic as it stood at a past instant, journaled: what onefin_api.history answers when as_of is given';
