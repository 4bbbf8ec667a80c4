-- onefin.word_diff: readable cases, and what must hold of any two texts.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Shown: what stays as it is, {removed}, [added].
CREATE FUNCTION t.diff(before text, after text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN (SELECT string_agg(CASE e ->> 'op' WHEN 'remove' THEN '{' || (e ->> 'text') || '}'
        WHEN 'add' THEN '[' || (e ->> 'text') || ']' ELSE e ->> 'text' END, '' ORDER BY place)
    FROM jsonb_array_elements(onefin.word_diff(before, after)) WITH ORDINALITY d (e, place));
SELECT onefin.word_diff('pay 46 today', 'pay 48 today, please');

-- Words are what is exchanged, never parts of them; a space between two changes goes with them.
SELECT t.diff('Ketdi: 46 800 000 soʻm.', 'Ketdi: 48 600 000 soʻm.');
SELECT t.diff('Dovernost 17-son, 2025-yil 3-noyabr', 'Dovernost 18-son, 2025-yil 13-noyabr');
SELECT t.diff('Счёт-фактура №12 отправлена вчера.', 'Счёт-фактура № 13 отправлена сегодня, в 9:40.');
SELECT t.diff('Ўтказма қилинди', 'Ўтказма қилинмади');
SELECT t.diff('The waybill is ready.', 'The waybill was ready; come and get it.');
SELECT t.diff('one two three', 'two three four'), t.diff('a b c', 'a c'), t.diff('a c', 'a b c');
-- An apostrophe inside a word is of the word, whichever of the five people type; around one, it is not.
SELECT t.diff('oʻzi keldi', 'o‘zi keldi'), t.diff('sana''at', 'sana''ati'), t.diff('ma`no', 'ma`nosi'), t.diff('sana’at', 'sana’ati'),
    t.diff('maʼno', 'maʼnosi'), t.diff('o‘q', 'o‘qi'), t.diff('''sana''', 'sana');
-- What belongs to a letter or a picture stays with it: accents, skin, joined pictures, flags.
SELECT t.diff(E'e\u0301t\u00e9 x', E'e\u0300t\u00e9 x'), t.diff('👍🏽👍', '👍🏿👍'),
    t.diff('👨‍👩‍👧!', '👨‍👩‍👦!'), t.diff('🇺🇿', '🇺🇸');
-- Lines stay lines; spaces of every kind are spaces.
SELECT t.diff(E'bir\nikki\n\nuch', E'bir 1\nikki 2\n\nuch'), t.diff(E'a b', E'a\u00a0b'), t.diff('a b', 'a  b');
-- Nothing, all, and what is not there.
SELECT onefin.word_diff('', ''), onefin.word_diff('same', 'same'), onefin.word_diff('', 'new'), onefin.word_diff('old', ''),
    onefin.word_diff(NULL, 'new') IS NULL, onefin.word_diff('old', NULL) IS NULL;

-- What must hold of any two texts: keep and remove make up the one before, keep and add the one after;
-- neighbours differ, none is empty, what was removed stands before what came in its place.
CREATE FUNCTION t.wrong(before text, after text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN (SELECT coalesce(string_agg(e ->> 'text', '' ORDER BY place) FILTER (WHERE e ->> 'op' <> 'add'), '') <> before
        OR coalesce(string_agg(e ->> 'text', '' ORDER BY place) FILTER (WHERE e ->> 'op' <> 'remove'), '') <> after
        OR coalesce(bool_or(e ->> 'text' = '' OR e ->> 'op' = was OR e ->> 'op' = 'remove' AND was = 'add'), false)
    FROM (SELECT e, place, lag(e ->> 'op') OVER (ORDER BY place) AS was
        FROM jsonb_array_elements(onefin.word_diff(before, after)) WITH ORDINALITY d (e, place)) d);
-- A text of n pieces drawn from a list, and one like it: each piece left out, doubled or exchanged now and then.
CREATE FUNCTION t.piece() RETURNS text LANGUAGE sql VOLATILE
RETURN (ARRAY['a', 'b', 'men', 'sen', 'oʻq', 'сўм', 'да', '1', '46', ' ', ' ', ' ', E'\n', E'\u00a0', '.', ',',
    '-', '''', 'ʻ', '‘', '«', '№', E'\u0301', '👍', '🏽', E'\u200d', '🇺🇿'])[1 + floor(random() * 27)];
CREATE FUNCTION t.draw(n integer) RETURNS text[] LANGUAGE sql VOLATILE
RETURN ARRAY(SELECT t.piece() FROM generate_series(1, n));
CREATE FUNCTION t.like(pieces text[]) RETURNS text LANGUAGE sql VOLATILE
RETURN (SELECT coalesce(string_agg(CASE floor(random() * 12) WHEN 0 THEN '' WHEN 1 THEN p || p WHEN 2 THEN t.piece()
    ELSE p END, '' ORDER BY place), '') FROM unnest(pieces) WITH ORDINALITY d (p, place));
SELECT setseed(0.25);
CREATE TABLE t.pair AS
    SELECT n, array_to_string(pieces, '') AS before,
        CASE WHEN n % 3 = 0 THEN array_to_string(t.draw(n % 60), '') ELSE t.like(pieces) END AS after
    FROM (SELECT n, t.draw(n % 61) AS pieces FROM generate_series(1, 3000) n OFFSET 0) d;
SELECT count(*), count(*) FILTER (WHERE before <> after) > 2500 AS different,
    count(*) FILTER (WHERE t.wrong(before, after)) AS wrong FROM t.pair;

-- As few tokens as can be are removed and added: as many as by the table of common lengths (of texts
-- without space, which is never folded into a change).
CREATE FUNCTION t.tokens(value text) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT m[1] FROM regexp_matches(value, '[a-z]+|[-.]', 'g') m);
CREATE FUNCTION t.common(a text[], b text[]) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    above integer[] := array_fill(0, ARRAY[cardinality(b) + 1]);
    line integer[];
BEGIN
    FOR i IN 1..cardinality(a) LOOP
        line := ARRAY[0];
        FOR j IN 1..cardinality(b) LOOP
            line[j + 1] := CASE WHEN a[i] = b[j] THEN above[j] + 1 ELSE greatest(above[j + 1], line[j]) END;
        END LOOP;
        above := line;
    END LOOP;
    RETURN above[cardinality(b) + 1];
END
$$;
CREATE TABLE t.plain AS SELECT before, after FROM (SELECT n,
    (SELECT string_agg((ARRAY['a', 'b', 'cd'])[1 + floor(random() * 3)] || (ARRAY['-', '.'])[1 + floor(random() * 2)], '')
        FROM generate_series(0, n % 20)) AS before,
    (SELECT string_agg((ARRAY['a', 'b', 'cd'])[1 + floor(random() * 3)] || (ARRAY['-', '.'])[1 + floor(random() * 2)], '')
        FROM generate_series(0, n % 17)) AS after FROM generate_series(1, 400) n) p;
SELECT count(*), count(*) FILTER (WHERE t.wrong(before, after) OR cardinality(t.tokens(before)) + cardinality(t.tokens(after))
    - 2 * t.common(t.tokens(before), t.tokens(after)) <> (
        SELECT sum(cardinality(t.tokens(e ->> 'text'))) FILTER (WHERE e ->> 'op' <> 'keep')
        FROM jsonb_array_elements(onefin.word_diff(before, after)) e)) AS wrong
FROM t.plain;

-- The work is bounded: after 1000 removed and added tokens the rest is one block, but for the same end.
CREATE FUNCTION t.long(word text, n integer) RETURNS text LANGUAGE sql IMMUTABLE
RETURN (SELECT string_agg(format('k%s-%s%s-', i, word, i), '') || 'end' FROM generate_series(1, n) i);
SELECT place, e ->> 'op', left(e ->> 'text', 10), length(e ->> 'text') FROM jsonb_array_elements(onefin.word_diff(t.long('x', 600), t.long('y', 600))) WITH ORDINALITY d (e, place)
    WHERE place < 4 OR place > 1498;
SELECT jsonb_array_length(onefin.word_diff(t.long('x', 500), t.long('y', 500))), t.wrong(t.long('x', 600), t.long('y', 600));
-- Of a text longer than any message the end is one token.
SELECT jsonb_array_length(d), d #>> '{0,op}', length(d #>> '{0,text}'), d #>> '{1,op}', d #>> '{2,op}',
    t.wrong(repeat('a ', 50000), repeat('a ', 50000) || 'b')
FROM onefin.word_diff(repeat('a ', 50000), repeat('a ', 50000) || 'b') d;

-- For everybody who may read messages, and nobody else.
SELECT role FROM unnest(ARRAY['onefin_admin', 'onefin_supervisor', 'onefin_accountant', 'onefin_client', 'onefin_analyst',
    'onefin_gateway', 'public']) role WHERE has_function_privilege(role, 'onefin.word_diff(text, text)', 'EXECUTE');

CALL t.leave();
