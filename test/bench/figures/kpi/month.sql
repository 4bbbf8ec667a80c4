-- Two years of a firm: :messages of them in 1,000 companies of 5 topics, 100 accountants, who mostly answer
-- their own companies; and an admin who uses SQL. In every topic a client writes twice, then somebody of the
-- firm answers. The waits, and the figures of people, are what onefin makes of that; loaded with triggers at
-- rest, as a restore is.
INSERT INTO onefin.org (name) SELECT 'Company ' || n FROM generate_series(1, 1000) n ORDER BY n;
CREATE ROLE bench_admin LOGIN IN ROLE onefin_admin;
INSERT INTO onefin.account (login, name, role, db_role) VALUES ('admin', 'Admin', 'admin', 'bench_admin');
INSERT INTO onefin.account (login, name, role)
SELECT 'accountant' || n, 'Accountant ' || n, 'accountant' FROM generate_series(2, 101) n ORDER BY n;
INSERT INTO onefin.account (login, name, role, org_id)
SELECT 'client' || n, 'Client ' || n, 'client', n FROM generate_series(1, 1000) n ORDER BY n;
INSERT INTO onefin.assignment (org_id, account_id) SELECT n + 1, 2 + n / 10 FROM generate_series(0, 999) n;

SET session_replication_role = replica;
SET synchronous_commit = off;
CREATE SCHEMA bench;
-- The nth message: of which topic (0 to 4999), how many it had before, when. Topics take turns; the times of
-- one ascend.
CREATE FUNCTION bench.topic(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN n * 2903 % 5000;
CREATE FUNCTION bench.place(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN (n - 1) / 5000;
CREATE FUNCTION bench.at(n bigint, messages bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN timestamptz '2024-12-31 19:00+00' + (n + 2500 * (hashint8(n)::bigint + 2147483648) / 4294967296.0)::double precision / messages * interval '730 days';
CREATE FUNCTION bench.author(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN bench.place(n) % 3 = 2 THEN 2 + (bench.topic(n) / 50 + greatest(abs(hashint8(n + 1)) % 10 - 7, 0)) % 100
    ELSE 102 + bench.topic(n) / 5 END;

INSERT INTO onefin.ticket (id, org_id, topic_id, opened_at, opened_by)
SELECT n + 1, 1 + n / 5, n + 1, '2024-12-31 19:00+00', 102 + n / 5 FROM generate_series(0, 4999) n;
INSERT INTO onefin.message (id, org_id, topic_id, ticket_id, author_id, at, version, imported, author_role, author_name, text)
SELECT n, 1 + t / 5, 1 + t, 1 + t, bench.author(n), bench.at(n, :messages), 1, false,
    CASE WHEN bench.place(n) % 3 = 2 THEN 'accountant' ELSE 'client' END, 'Somebody',
    'Assalomu alaykum, ' || n || ' raqamli bank oplata bo''yicha hujjat yubordim, tekshirib bering.'
FROM generate_series(1, :messages::bigint) n, LATERAL (SELECT bench.topic(n) AS t OFFSET 0) t;
INSERT INTO onefin.wait (id, org_id, topic_id, ticket_id, message_id, responder_id, answer_id, started_at, ended_at, target, duration,
    paused, kind_id, imported, kind, outcome)
SELECT n, 1 + t / 5, 1 + t, 1 + t, n, a.author, a.answer, bench.at(n, :messages), a.at, 14400000000,
    1000000 * extract(epoch FROM a.at - bench.at(n, :messages)), 0, 1 + t % 5, false, CASE WHEN n <= 5000 THEN 'first' ELSE 'next' END,
    CASE WHEN a.answer IS NOT NULL THEN 'answered' END
FROM generate_series(1, :messages::bigint) n CROSS JOIN LATERAL (SELECT bench.topic(n) AS t OFFSET 0) t
    LEFT JOIN LATERAL (SELECT n + 10000 AS answer, bench.author(n + 10000) AS author, bench.at(n + 10000, :messages) AS at WHERE n + 10000 <= :messages) a ON true
WHERE bench.place(n) % 3 = 0;
RESET session_replication_role;

INSERT INTO onefin.kpi_staff_day (account_id, day, messages, notes, tickets_closed, documents_processed, documents_returned, downloads, ratings,
    rating_sum, ratings_positive, unanswered, dismissed, missed, first_count, first_sum, first_targets, first_kept, next_count, next_sum,
    next_targets, next_kept, resolution_count, resolution_sum, resolution_targets, resolution_kept)
SELECT responder_id, (ended_at AT TIME ZONE 'Asia/Tashkent')::date, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    count(*) FILTER (WHERE kind = 'first'), coalesce(sum(duration) FILTER (WHERE kind = 'first'), 0), count(*) FILTER (WHERE kind = 'first'),
    count(*) FILTER (WHERE kind = 'first' AND duration <= target), count(*) FILTER (WHERE kind = 'next'),
    coalesce(sum(duration) FILTER (WHERE kind = 'next'), 0), count(*) FILTER (WHERE kind = 'next'),
    count(*) FILTER (WHERE kind = 'next' AND duration <= target), 0, 0, 0, 0
FROM onefin.wait WHERE ended_at IS NOT NULL GROUP BY 1, 2;
INSERT INTO onefin.kpi_staff_duration (account_id, day, kind, part, durations)
SELECT responder_id, day, kind, place / 200, array_agg(duration)
FROM (SELECT responder_id, (ended_at AT TIME ZONE 'Asia/Tashkent')::date AS day, kind, duration,
        row_number() OVER (PARTITION BY responder_id, (ended_at AT TIME ZONE 'Asia/Tashkent')::date, kind) AS place
    FROM onefin.wait WHERE ended_at IS NOT NULL) w GROUP BY 1, 2, 3, 4;
VACUUM (ANALYZE);
