-- The calls about rounds, how long clients wait, and what they say of it.

CREATE FUNCTION onefin_api.close(topic bigint) RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_close';
COMMENT ON FUNCTION onefin_api.close(bigint) IS
    'Closes the open round of a topic, for staff; the client is asked to rate it: {topic, ticket, state}; repeating is harmless';
CREATE FUNCTION onefin_api.await_client(topic bigint) RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_await_client';
COMMENT ON FUNCTION onefin_api.await_client(bigint) IS
    'The open round waits for the client, for staff: its clocks stand until the client writes: {topic, ticket, state}; repeating is harmless';
CREATE FUNCTION onefin_api.reopen(topic bigint) RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_reopen';
COMMENT ON FUNCTION onefin_api.reopen(bigint) IS
    'Goes on with a topic: a round that waits for the client is open again, a closed one is followed by the next: {topic, ticket, state}; repeating is harmless';

CREATE FUNCTION onefin_api.policies(kind text DEFAULT NULL, org bigint DEFAULT NULL, "from" timestamptz DEFAULT NULL,
    first numeric DEFAULT NULL, next numeric DEFAULT NULL, resolution numeric DEFAULT NULL,
    warn_share numeric DEFAULT NULL, "set" boolean DEFAULT false) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    of_kind smallint := (SELECT k.id FROM onefin.topic_kind k WHERE k.code = policies.kind);
    made bigint;
BEGIN
    IF policies.kind IS NOT NULL AND of_kind IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('there is no kind of topic "%s"', policies.kind),
            HINT = 'One of ' || (SELECT string_agg(k.code, ', ' ORDER BY k.id) FROM onefin.topic_kind k) || '.';
    ELSIF NOT coalesce(policies."set", false) THEN
        RETURN jsonb_build_object('policies', (SELECT coalesce(jsonb_agg(b.body ORDER BY b.from_at DESC, b.id DESC), '[]')
            FROM onefin.policy_body b JOIN onefin.policy p ON p.id = b.id
            WHERE (policies.kind IS NULL OR p.kind_id = of_kind) AND (policies.org IS NULL OR p.org_id = policies.org)));
    ELSIF least(policies.first, policies.next, policies.resolution) < 0.000001 OR greatest(policies.first, policies.next, policies.resolution) > 1e9
        OR coalesce(policies.warn_share, 0.8) NOT BETWEEN 0.01 AND 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a target or the share is out of bounds',
            HINT = 'Targets are seconds above 0, or left out for none; warn_share is from 0.01 to 1.';
    END IF;
    IF policies.org IS NOT NULL THEN
        PERFORM onefin.require_found((SELECT o.id FROM onefin.org o WHERE o.id = policies.org), 'company', policies.org);
    END IF;
    INSERT INTO onefin.policy (kind_id, org_id, from_at, first_target, next_target, resolution_target, warn_share)
    VALUES (of_kind, policies.org, coalesce(policies."from", now()), policies.first * 1e6, policies.next * 1e6, policies.resolution * 1e6,
        coalesce(policies.warn_share, 0.8)) RETURNING id INTO made;
    RETURN jsonb_build_object('policy', (SELECT b.body FROM onefin.policy_body b WHERE b.id = made));
END
$$;
COMMENT ON FUNCTION onefin_api.policies(text, bigint, timestamptz, numeric, numeric, numeric, numeric, boolean) IS
    'Lists how long clients may wait, the latest first, for staff; with set: true makes one that holds from a moment on, for a kind of topics, a company, both, or all (admins): {policies} or {policy}; targets in seconds of business time';

CREATE FUNCTION onefin_api.waits(org bigint DEFAULT NULL, ended boolean DEFAULT false, before bigint DEFAULT NULL, "limit" integer DEFAULT 50)
    RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(), 'now', now(), 'waits', coalesce(jsonb_agg(b.body || jsonb_build_object(
        'left', extract(epoch FROM CASE WHEN page.ended_at IS NULL THEN onefin.business_duration(now(), page.due_at, page.calendar_id) END),
        'waited', CASE WHEN page.ended_at IS NULL THEN greatest(0, extract(epoch FROM onefin.business_duration(page.started_at,
            coalesce(page.paused_at, now()), page.calendar_id)) - page.paused / 1e6) END,
        'assigned', (SELECT coalesce(jsonb_agg(s.account_id ORDER BY s.from_at, s.id), '[]') FROM onefin.assignment s
            WHERE s.org_id = page.org_id AND s.until_at IS NULL)) ORDER BY page.place), '[]'))
    FROM (
        (SELECT w.*, row_number() OVER (ORDER BY w.due_at, w.started_at, w.id) AS place FROM onefin.wait w
            WHERE w.ended_at IS NULL AND w.kind <> 'resolution' AND NOT coalesce(waits.ended, false)
                AND (waits.org IS NULL OR w.org_id = waits.org) AND w.org_id = ANY ((SELECT onefin.my_orgs())::bigint[])
            ORDER BY w.due_at, w.started_at, w.id
            LIMIT least(greatest(waits."limit", 1), 200))
        UNION ALL
        (SELECT w.*, row_number() OVER (ORDER BY w.id DESC) FROM onefin.wait w
            WHERE w.ended_at IS NOT NULL AND w.kind <> 'resolution' AND coalesce(waits.ended, false) AND w.id < coalesce(waits.before, 9223372036854775807)
                AND (waits.org IS NULL OR w.org_id = waits.org) AND w.org_id = ANY ((SELECT onefin.my_orgs())::bigint[])
            ORDER BY w.id DESC
            LIMIT least(greatest(waits."limit", 1), 200))) page JOIN onefin.wait_body b ON b.id = page.id;
END;
COMMENT ON FUNCTION onefin_api.waits(bigint, boolean, bigint, integer) IS
    'Clients who wait for a response, the most urgent first; with ended: true waits that ended, the newest first, before an id; for staff: {seal, now, waits}; limit 1 to 200';

CREATE FUNCTION onefin_api.dismiss_wait(wait bigint, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_dismiss_wait';
COMMENT ON FUNCTION onefin_api.dismiss_wait(bigint, text) IS
    'The client needs no answer, for who serves the company, and admins; journaled; a miss stays one: {wait}; repeating is harmless';

CREATE FUNCTION onefin_api.rate(ticket bigint, score integer, comment text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_rate';
COMMENT ON FUNCTION onefin_api.rate(bigint, integer, text) IS
    'Rates a round that a person closed, for clients: {rating}; again changes it, until the payroll of the month of the first rating is closed';

CREATE FUNCTION onefin_api.ratings(org bigint DEFAULT NULL, before bigint DEFAULT NULL, "limit" integer DEFAULT 50) RETURNS SETOF jsonb
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(), 'ratings', coalesce(jsonb_agg(page.body ORDER BY page.id DESC), '[]'))
    FROM (
        SELECT b.id, b.body FROM onefin.rated_body b
        WHERE (ratings.org IS NULL OR b.org_id = ratings.org) AND b.id < coalesce(ratings.before, 9223372036854775807)
            AND ((SELECT NOT onefin.acting_as('accountant')) OR (b.body -> 'accountable')::bigint = (SELECT onefin.current_account()))
        ORDER BY b.id DESC
        LIMIT least(greatest(ratings."limit", 1), 200)) page;
END;
COMMENT ON FUNCTION onefin_api.ratings(bigint, bigint, integer) IS
    'Rounds that a person closed, and how clients rated them, the newest first, before a round: {seal, ratings}; an accountant''s own; limit 1 to 200';
