-- Bonus: one function computes what a month pays, for the preview and for closing it. It sees all, and so
-- only the C code calls it (payroll.c), which knows who may see what of it.

CREATE FUNCTION onefin.payroll_rule(day date) RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT r.id FROM onefin.bonus_rule r WHERE r.from_day <= payroll_rule.day ORDER BY r.from_day DESC, r.id DESC LIMIT 1;
END;
COMMENT ON FUNCTION onefin.payroll_rule(date) IS 'The bonus rule that holds on a day; NULL before the first';

-- What belongs to a month that is not closed, each with the rule of its own day (of a wait: of the month's
-- last): documents of the last mark before the month's end, ratings as they hold, responses with a target.
-- The month after the last closed one also has what was committed after that was closed; for that it looks
-- back as far as that one's beginning. Machines are paid for nothing.
CREATE FUNCTION onefin.payroll_facts(month date, account bigint) RETURNS TABLE (account_id bigint, part smallint, source text, source_id bigint,
    at timestamptz, org_id bigint, topic_id bigint, kind_id smallint, document_id bigint, message_id bigint, answer_id bigint, ticket_id bigint,
    score smallint, duration bigint, target bigint, rule_id bigint) LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH period AS MATERIALIZED (
        SELECT coalesce(last.from_at, onefin.month_begin(payroll_facts.month)) AS since, next.at AS until,
            onefin.payroll_rule((payroll_facts.month + interval '1 month - 1 day')::date) AS rule_id, onefin.firm_zone() AS zone
        FROM (SELECT onefin.month_begin((payroll_facts.month + interval '1 month')::date) AS at) next
            LEFT JOIN (SELECT p.month, p.from_at FROM onefin.payroll p ORDER BY p.month DESC LIMIT 1) last
                ON last.month + interval '1 month' = payroll_facts.month),
    fact AS MATERIALIZED (
        SELECT m.account_id, 1 AS part, 'document' AS source, m.id AS source_id, m.at, m.org_id, d.topic_id, t.kind_id, d.id AS document_id,
            d.message_id, NULL::bigint AS answer_id, NULL::bigint AS ticket_id, NULL::smallint AS score, NULL::bigint AS duration, NULL::bigint AS target
        FROM period p JOIN onefin.document_mark m ON m.at >= p.since AND m.at < p.until
            JOIN onefin.document d ON d.id = m.document_id JOIN onefin.topic t ON t.id = d.topic_id
        WHERE m.mark = 'processed' AND (payroll_facts.account IS NULL OR m.account_id = payroll_facts.account)
            AND NOT EXISTS (SELECT FROM onefin.document_mark l WHERE l.document_id = m.document_id AND l.id > m.id AND l.at < p.until)
            AND NOT EXISTS (SELECT FROM onefin.payroll_item i WHERE i.source = 'document' AND i.document_id = m.document_id)
        UNION ALL
        SELECT r.accountable_id, 2, 'rating', r.id, r.first_at, r.org_id, r.topic_id, t.kind_id, NULL, NULL, NULL, r.ticket_id, r.score, NULL, NULL
        FROM period p JOIN onefin.rating r ON r.first_at >= p.since AND r.first_at < p.until JOIN onefin.topic t ON t.id = r.topic_id
        WHERE (payroll_facts.account IS NULL OR r.accountable_id = payroll_facts.account)
            AND NOT EXISTS (SELECT FROM onefin.rating l WHERE l.ticket_id = r.ticket_id AND l.id > r.id)
            AND NOT EXISTS (SELECT FROM onefin.payroll_item i WHERE i.source = 'rating' AND i.ticket_id = r.ticket_id)
        UNION ALL
        SELECT w.responder_id, 3, 'wait', w.id, w.ended_at, w.org_id, w.topic_id, w.kind_id, NULL, w.message_id, w.answer_id, w.ticket_id,
            NULL, w.duration, w.target
        FROM period p CROSS JOIN onefin.account a JOIN onefin.wait w ON w.responder_id = a.id AND w.ended_at >= p.since AND w.ended_at < p.until
        WHERE w.outcome = 'answered' AND w.target IS NOT NULL AND NOT w.imported
            AND (payroll_facts.account IS NULL OR a.id = payroll_facts.account)
            AND NOT EXISTS (SELECT FROM onefin.payroll_item i WHERE i.source = 'wait' AND i.source_id = w.id)),
    day AS MATERIALIZED (
        SELECT d.day, onefin.payroll_rule(d.day) AS rule_id
        FROM (SELECT DISTINCT (f.at AT TIME ZONE p.zone)::date AS day FROM fact f, period p) d)
    SELECT f.account_id, f.part, f.source, f.source_id, f.at, f.org_id, f.topic_id, f.kind_id, f.document_id, f.message_id, f.answer_id, f.ticket_id,
        f.score, f.duration, f.target, CASE f.part WHEN 3 THEN p.rule_id ELSE d.rule_id END
    FROM period p CROSS JOIN fact f JOIN day d ON d.day = (f.at AT TIME ZONE p.zone)::date JOIN onefin.account a ON a.id = f.account_id
    WHERE d.rule_id IS NOT NULL AND NOT a.machine;
END;
COMMENT ON FUNCTION onefin.payroll_facts(date, bigint) IS 'What a month that is not closed counts, of all or of one account';

CREATE FUNCTION onefin.payroll_compute(month date, account bigint DEFAULT NULL, OUT lines onefin.payroll_line[], OUT items onefin.payroll_item[])
    LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH fact AS MATERIALIZED (
        SELECT f.*, k.code, o.name AS org_name, f.part <> 2 OR f.score >= r.rating_min AS counts, f.duration <= f.target AS within,
            CASE f.part WHEN 1 THEN coalesce((r.document_rates ->> k.code)::numeric, 0) WHEN 2 THEN r.rating_rate END AS rate,
            dense_rank() OVER (PARTITION BY f.account_id ORDER BY f.part, CASE f.part WHEN 1 THEN f.kind_id END, r.from_day, r.id) AS line
        FROM onefin.payroll_facts(payroll_compute.month, payroll_compute.account) f
            JOIN onefin.bonus_rule r ON r.id = f.rule_id JOIN onefin.topic_kind k ON k.id = f.kind_id JOIN onefin.org o ON o.id = f.org_id),
    earned AS (
        SELECT g.account_id, g.line, CASE g.part WHEN 1 THEN 'document' WHEN 2 THEN 'rating' ELSE 'sla' END AS kind, g.code, g.rule_id,
            g.share, CASE g.part WHEN 3 THEN (t.amount IS NOT NULL)::integer ELSE g.n END AS quantity,
            CASE g.part WHEN 3 THEN coalesce(t.amount, 0) ELSE g.rate END AS rate
        FROM (
            SELECT f.account_id, f.line, f.part, f.rule_id, f.rate, CASE f.part WHEN 1 THEN min(f.code) END AS code,
                count(*) FILTER (WHERE f.counts) AS n,
                CASE f.part WHEN 3 THEN trunc((count(*) FILTER (WHERE f.within))::numeric / count(*), 4) END AS share
            FROM fact f GROUP BY f.account_id, f.line, f.part, f.rule_id, f.rate) g
            LEFT JOIN LATERAL (
                SELECT t.amount FROM onefin.bonus_rule r, jsonb_to_recordset(r.sla_tiers) t (share numeric, amount numeric)
                WHERE r.id = g.rule_id AND t.share <= g.share ORDER BY t.share DESC LIMIT 1) t ON g.part = 3),
    summed AS (
        SELECT e.account_id, sum(round(e.quantity * e.rate, 2)) AS total, coalesce(sum(e.quantity) FILTER (WHERE e.kind = 'document'), 0) AS documents
        FROM earned e GROUP BY e.account_id),
    line AS (
        SELECT e.account_id, 1 AS part, e.line AS place, e.kind, e.code, e.rule_id, e.share, e.quantity, e.rate, NULL::text AS reason, NULL::bigint AS correction_id
        FROM earned e
        UNION ALL
        SELECT s.account_id, 2, 1, CASE WHEN s.documents < r.min_documents THEN 'minimum' ELSE 'cap' END, NULL, r.id, NULL, 1,
            CASE WHEN s.documents < r.min_documents THEN 0 ELSE r.cap END - s.total, NULL, NULL
        FROM summed s JOIN onefin.bonus_rule r ON r.id = onefin.payroll_rule((payroll_compute.month + interval '1 month - 1 day')::date)
        WHERE s.total > CASE WHEN s.documents < r.min_documents THEN 0 ELSE r.cap END
        UNION ALL
        SELECT c.account_id, 3, c.id, 'correction', NULL, NULL, NULL, 1, c.amount, c.reason, c.id
        FROM onefin.payroll_correction c
        WHERE payroll_compute.month = (SELECT max(p.month) + interval '1 month' FROM onefin.payroll p)
            AND (payroll_compute.account IS NULL OR c.account_id = payroll_compute.account)
            AND NOT EXISTS (SELECT FROM onefin.payroll_line l WHERE l.correction_id = c.id))
    SELECT (
        SELECT array_agg(ROW(payroll_compute.month, l.account_id, l.line, a.name, a.department_id, d.name, l.kind, l.code, l.rule_id, l.share, l.quantity,
            l.rate, round(l.quantity * l.rate, 2), l.reason, l.correction_id)::onefin.payroll_line ORDER BY l.account_id, l.line)
        FROM (SELECT x.*, row_number() OVER (PARTITION BY x.account_id ORDER BY x.part, x.place) AS line FROM line x) l
            JOIN onefin.account a ON a.id = l.account_id LEFT JOIN onefin.department d ON d.id = a.department_id),
        (SELECT array_agg(ROW(payroll_compute.month, f.account_id, f.line, a.department_id, f.source, f.source_id, f.at, f.org_id, f.org_name, f.topic_id, f.code,
            f.document_id, f.message_id, f.answer_id, f.ticket_id, f.score, f.duration, f.target, f.within, f.counts)::onefin.payroll_item
            ORDER BY f.account_id, f.line, f.at, f.source_id)
        FROM fact f JOIN onefin.account a ON a.id = f.account_id);
END;
COMMENT ON FUNCTION onefin.payroll_compute(date, bigint) IS 'The lines and items of a month that is not closed, of all or of one account: what closing it now would keep';

CREATE FUNCTION onefin.payroll_digest(month date) RETURNS bytea LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT sha256(convert_to(coalesce(string_agg(part.text, E'\n' ORDER BY part.account_id, part.line, part.place, part.source, part.source_id), ''), 'UTF8'))
    FROM (
        SELECT l.account_id, l.line, 1 AS place, NULL AS source, NULL::bigint AS source_id, jsonb_build_array(l.account_id, l.line, l.account_name,
            l.department_id, l.department, l.kind, l.topic_kind, l.rule_id, l.share::text, l.quantity, l.rate::text, l.amount::text, l.reason, l.correction_id)::text AS text
        FROM onefin.payroll_line l WHERE l.month = payroll_digest.month
        UNION ALL
        SELECT i.account_id, i.line, 2, i.source COLLATE "C", i.source_id, jsonb_build_array(i.account_id, i.line, i.department_id, i.source, i.source_id,
            (extract(epoch FROM i.at) * 1000000)::bigint, i.org_id, i.org_name, i.topic_id, i.topic_kind, i.document_id, i.message_id, i.answer_id,
            i.ticket_id, i.score, i.duration, i.target, i.within, i.counts)::text
        FROM onefin.payroll_item i WHERE i.month = payroll_digest.month) part;
END;
COMMENT ON FUNCTION onefin.payroll_digest(date) IS
    'SHA-256 of the lines of a closed month, each a JSON array of its columns followed by its items, one a row: what payroll.closed says in the journal, as long as nobody changed them';

CREATE FUNCTION onefin.payroll_require_month(month date) RETURNS date LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT isfinite(month) OR extract(day FROM month) <> 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%s is no month', coalesce(to_char(month, 'YYYY-MM-DD'), month::text)), HINT = 'A month is named by its first day: 2026-11-01.';
    END IF;
    RETURN coalesce(month, onefin.month_of(now()));
END
$$;
COMMENT ON FUNCTION onefin.payroll_require_month(date) IS 'A month, the current one for NULL; refuses other days than its first';

-- READ COMMITTED, so that each statement sees what was committed while it waited for the lock.
CREATE FUNCTION onefin.payroll_close(month date, account bigint, OUT body jsonb, OUT digest bytea) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    wanted constant date := onefin.payroll_require_month(payroll_close.month);
    begin_at constant timestamptz := onefin.month_begin(wanted);
    end_at constant timestamptz := onefin.month_begin((wanted + interval '1 month')::date);
    last date;
    earlier date;
    made onefin.payroll_line[];
    used onefin.payroll_item[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = 'payroll is closed in a transaction of READ COMMITTED only',
            HINT = 'Others see and miss what it must not.';
    END IF;
    LOCK TABLE onefin.payroll, onefin.bonus_rule, onefin.payroll_correction, onefin.rating IN SHARE ROW EXCLUSIVE MODE;
    SELECT max(p.month) INTO last FROM onefin.payroll p;
    IF NOT EXISTS (SELECT FROM onefin.payroll p WHERE p.month = wanted) THEN
        IF end_at > now() THEN
            RAISE object_not_in_prerequisite_state USING MESSAGE = format('the month %s has not ended', to_char(wanted, 'YYYY-MM-DD')),
                HINT = format('It may be closed from %s on.', to_char(end_at, 'YYYY-MM-DD HH24:MI TZ'));
        ELSIF wanted < last THEN
            RAISE object_not_in_prerequisite_state USING MESSAGE = format('the later month %s is closed', to_char(last, 'YYYY-MM-DD')),
                HINT = 'Months are closed in their order. What an earlier one should have paid, correct_payroll makes good.';
        END IF;
        SELECT m::date INTO earlier
        FROM generate_series(coalesce(last + interval '1 month', (SELECT date_trunc('month', min(r.from_day)::timestamp) FROM onefin.bonus_rule r)),
            wanted - interval '1 month', interval '1 month') m
        WHERE (onefin.payroll_compute(m::date)).lines IS NOT NULL ORDER BY m LIMIT 1;
        IF FOUND THEN
            RAISE object_not_in_prerequisite_state USING MESSAGE = format('the earlier month %s is not closed', to_char(earlier, 'YYYY-MM-DD')),
                HINT = 'Months are closed in their order.';
        END IF;
        SELECT c.lines, c.items INTO made, used FROM onefin.payroll_compute(wanted) c;
        INSERT INTO onefin.payroll (month, from_at, until_at, time_zone, closed_by, rule_id, people, total)
        SELECT wanted, begin_at, end_at, onefin.firm_zone(), payroll_close.account, onefin.payroll_rule((wanted + interval '1 month - 1 day')::date),
            count(DISTINCT l.account_id), coalesce(sum(l.amount), 0) FROM unnest(made) l;
        INSERT INTO onefin.payroll_line SELECT * FROM unnest(made);
        INSERT INTO onefin.payroll_item SELECT * FROM unnest(used);
        digest := onefin.payroll_digest(wanted);
    END IF;
    SELECT jsonb_build_object('month', p.month, 'closed_at', p.closed_at, 'closed_by', p.closed_by, 'total', p.total::text, 'people', p.people)
    INTO body FROM onefin.payroll p WHERE p.month = wanted;
END
$$;
COMMENT ON FUNCTION onefin.payroll_close(date, bigint) IS
    'Closes a month as this account: what it is then, and the digest of its lines; NULL when it was closed already';

CREATE FUNCTION onefin.payroll_shown(month date, account bigint, OUT state text, OUT zone text, OUT lines onefin.payroll_line[], OUT items onefin.payroll_item[])
    LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    zone := coalesce((SELECT p.time_zone FROM onefin.payroll p WHERE p.month = payroll_shown.month), onefin.firm_zone());
    IF payroll_shown.month <= (SELECT max(p.month) FROM onefin.payroll p) THEN
        state := 'closed';
        SELECT array_agg(l ORDER BY l.account_id, l.line) INTO lines FROM onefin.payroll_line l
        WHERE l.month = payroll_shown.month AND (payroll_shown.account IS NULL OR l.account_id = payroll_shown.account);
        IF payroll_shown.account IS NOT NULL THEN
            SELECT array_agg(i ORDER BY i.line, i.at, i.source_id) INTO items FROM onefin.payroll_item i
            WHERE i.month = payroll_shown.month AND i.account_id = payroll_shown.account;
        END IF;
    ELSE
        state := CASE WHEN onefin.month_begin((payroll_shown.month + interval '1 month')::date) <= now() THEN 'ended' ELSE 'running' END;
        SELECT c.lines, c.items INTO lines, items FROM onefin.payroll_compute(payroll_shown.month, payroll_shown.account) c;
    END IF;
END
$$;
COMMENT ON FUNCTION onefin.payroll_shown(date, bigint) IS
    'A month as it was closed, or as closing it now would keep it, of all or of one account; items of one account only where it is closed';

CREATE FUNCTION onefin.payroll_line_body(l onefin.payroll_line) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('line', (l).line, 'kind', (l).kind, 'topic_kind', (l).topic_kind, 'quantity', (l).quantity, 'rate', (l).rate::text,
    'amount', (l).amount::text, 'share', trim_scale((l).share), 'rule', (l).rule_id, 'reason', (l).reason);
COMMENT ON FUNCTION onefin.payroll_line_body(onefin.payroll_line) IS 'A line as JSON';

-- A viewer sees all (everything), or the lines of a department, and in any case the own.
CREATE FUNCTION onefin.payroll_sees(account bigint, department bigint, everything boolean, my_department bigint, me bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE
RETURN everything OR department = my_department OR account = me;
COMMENT ON FUNCTION onefin.payroll_sees(bigint, bigint, boolean, bigint, bigint) IS
    'Whether a viewer sees what an account is paid while it is, or was at closing, of a department';

CREATE FUNCTION onefin.bonus_body(month date, account bigint, everything boolean, my_department bigint, me bigint) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('month', m.month, 'state', s.state, 'zone', s.zone, 'people', (
        SELECT coalesce(jsonb_agg(person.body ORDER BY person.name, person.account_id), '[]')
        FROM (
            SELECT l.account_id, min(l.account_name) AS name, jsonb_build_object('account', l.account_id, 'name', min(l.account_name),
                'department', min(l.department_id), 'department_name', min(l.department), 'total', sum(l.amount)::text,
                'lines', jsonb_agg(onefin.payroll_line_body(l) ORDER BY l.line)) AS body
            FROM unnest(s.lines) l
            WHERE onefin.payroll_sees(l.account_id, l.department_id, bonus_body.everything, bonus_body.my_department, bonus_body.me)
            GROUP BY l.account_id) person))
    FROM (SELECT onefin.payroll_require_month(bonus_body.month) AS month) m, onefin.payroll_shown(m.month, bonus_body.account) s;
END;
COMMENT ON FUNCTION onefin.bonus_body(date, bigint, boolean, bigint, bigint) IS 'What a viewer may see of a month, of all or of one account, as JSON';

CREATE FUNCTION onefin.payslip_body(month date, account bigint, everything boolean, my_department bigint, me bigint) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('month', m.month, 'state', s.state, 'zone', s.zone, 'account', a.id, 'name', coalesce(s.lines[1].account_name, a.name),
        'department', d.id, 'department_name', coalesce(s.lines[1].department, d.name),
        'total', coalesce((SELECT sum(l.amount) FROM unnest(s.lines) l), 0.00)::text,
        'lines', (SELECT coalesce(jsonb_agg(onefin.payroll_line_body(l) ORDER BY l.line), '[]') FROM unnest(s.lines) l),
        'items', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('line', i.line, 'source', i.source, 'id', i.source_id, 'at', i.at, 'org', i.org_id, 'org_name', i.org_name,
                'topic', i.topic_id, 'topic_kind', i.topic_kind, 'document', i.document_id,
                'document_name', (SELECT f.name FROM onefin.document f WHERE f.id = i.document_id), 'message', i.message_id, 'answer', i.answer_id,
                'ticket', i.ticket_id, 'score', i.score, 'duration', trim_scale(i.duration / 1000000.0), 'target', trim_scale(i.target / 1000000.0), 'within', i.within,
                'counts', i.counts) ORDER BY i.line, i.at, i.source_id), '[]')
            FROM unnest(s.items) i))
    FROM (SELECT onefin.payroll_require_month(payslip_body.month) AS month) m, onefin.payroll_shown(m.month, payslip_body.account) s,
        onefin.account a LEFT JOIN LATERAL (
            SELECT CASE WHEN s.lines IS NULL THEN a.department_id ELSE s.lines[1].department_id END AS id) k ON true
        LEFT JOIN onefin.department d ON d.id = k.id
    WHERE a.id = payslip_body.account AND (a.role <> 'client' OR s.lines IS NOT NULL)
        AND onefin.payroll_sees(a.id, k.id, payslip_body.everything, payslip_body.my_department, payslip_body.me);
END;
COMMENT ON FUNCTION onefin.payslip_body(date, bigint, boolean, bigint, bigint) IS
    'What a month pays an account, and the rows that it comes from, as JSON; NULL where that is not the viewer''s to see';

CREATE FUNCTION onefin.payroll_csv_month(params jsonb) RETURNS date LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unknown text;
BEGIN
    SELECT key INTO unknown FROM jsonb_object_keys(params) key WHERE key NOT IN ('format', 'month');
    IF FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('the payroll''s export takes no parameter "%s"', unknown), HINT = 'It takes month.';
    END IF;
    RETURN onefin.payroll_require_month((params ->> 'month')::date);
END
$$;
COMMENT ON FUNCTION onefin.payroll_csv_month(jsonb) IS 'The month that the parameters of an export name';

CREATE FUNCTION onefin.payroll_csv(token text, params jsonb, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_payroll_csv';
COMMENT ON FUNCTION onefin.payroll_csv(text, jsonb, inet) IS
    'The gateway: the lines of a month that the account of the token may see, as CSV; journaled: {"result": {lines, next}}; next is null';

CREATE FUNCTION onefin_api.bonus_rules("from" date DEFAULT NULL, rules jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    given constant jsonb := bonus_rules.rules;
    unknown text;
    made onefin.bonus_rule;
BEGIN
    IF bonus_rules."from" IS NULL AND given IS NULL THEN
        RETURN jsonb_build_object('rules', (SELECT coalesce(jsonb_agg(onefin.bonus_rule_body(r) ORDER BY r.from_day DESC, r.id DESC), '[]')
            FROM onefin.bonus_rule r));
    ELSIF bonus_rules."from" IS NULL OR jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a bonus rule needs from and rules', HINT = 'from is a day, rules is an object.';
    END IF;
    SELECT key INTO unknown FROM jsonb_object_keys(given) key
    WHERE key <> ALL ('{document_rates,rating_rate,rating_min,sla_tiers,min_documents,cap}');
    IF FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('a bonus rule has no "%s"', unknown),
            HINT = 'It has document_rates, rating_rate, rating_min, sla_tiers, min_documents and cap.';
    END IF;
    INSERT INTO onefin.bonus_rule (from_day, document_rates, rating_rate, rating_min, sla_tiers, min_documents, cap)
    VALUES (bonus_rules."from", coalesce(given -> 'document_rates', '{}'), onefin.bonus_number(coalesce(given -> 'rating_rate', '0'), 'rating_rate', 2, 1e12),
        onefin.bonus_number(coalesce(given -> 'rating_min', '4'), 'rating_min', 0, 6), coalesce(given -> 'sla_tiers', '[]'),
        onefin.bonus_number(coalesce(given -> 'min_documents', '0'), 'min_documents', 0, 1e9),
        CASE WHEN given -> 'cap' <> 'null' THEN onefin.bonus_number(given -> 'cap', 'cap', 2, 1e12) END)
    RETURNING * INTO made;
    RETURN jsonb_build_object('rule', onefin.bonus_rule_body(made));
END
$$;
COMMENT ON FUNCTION onefin_api.bonus_rules(date, jsonb) IS
    'Lists the bonus rules, the latest first; with a day and what is paid for from then on makes one (admins): {rules} or {rule: {id, from, document_rates, rating_rate, rating_min, sla_tiers, min_documents, cap}}';

CREATE FUNCTION onefin.bonus_rule_body(r onefin.bonus_rule) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', (r).id, 'from', (r).from_day, 'document_rates', (r).document_rates, 'rating_rate', (r).rating_rate::text,
    'rating_min', (r).rating_min, 'sla_tiers', (r).sla_tiers, 'min_documents', (r).min_documents, 'cap', (r).cap::text);
COMMENT ON FUNCTION onefin.bonus_rule_body(onefin.bonus_rule) IS 'A bonus rule as JSON';

CREATE FUNCTION onefin_api.bonus(month date DEFAULT NULL, account bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_bonus';
COMMENT ON FUNCTION onefin_api.bonus(date, bigint) IS
    'What a month pays, the current one without one: mine, my department''s, or for admins everybody''s: {month, state, zone, people: [{account, name, department, department_name, total, lines}]}; state: running, ended (to be closed) or closed';
CREATE FUNCTION onefin_api.payslip(month date DEFAULT NULL, account bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_payslip';
COMMENT ON FUNCTION onefin_api.payslip(date, bigint) IS
    'What a month pays me, or another whose bonus I may see, down to the documents, ratings and answers: {month, state, zone, account, name, department, department_name, total, lines, items}';
CREATE FUNCTION onefin_api.close_payroll(month date) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_close_payroll';
COMMENT ON FUNCTION onefin_api.close_payroll(date) IS
    'Closes the payroll of a month that has ended, for good, for admins; journaled: {payroll: {month, closed_at, closed_by, total, people}, repeated}; repeating is harmless';

CREATE FUNCTION onefin_api.correct_payroll(month date, account bigint, amount numeric, reason text) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made onefin.payroll_correction;
BEGIN
    PERFORM onefin.require_found((SELECT a.id FROM onefin.account a WHERE a.id = correct_payroll.account), 'account', correct_payroll.account);
    IF NOT (abs(correct_payroll.amount) BETWEEN 0.01 AND 999999999999.99) OR correct_payroll.amount <> round(correct_payroll.amount, 2) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'this is no amount of a correction',
            HINT = 'Give a number other than 0, below 1000000000000, with at most two decimals; a negative one takes away.';
    ELSIF btrim(correct_payroll.reason) = '' OR length(correct_payroll.reason) > 1000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a correction needs a reason', HINT = 'Say why, in at most 1000 characters.';
    END IF;
    INSERT INTO onefin.payroll_correction (month, account_id, amount, reason)
    VALUES (correct_payroll.month, correct_payroll.account, correct_payroll.amount, correct_payroll.reason) RETURNING * INTO made;
    RETURN jsonb_build_object('correction', jsonb_build_object('id', made.id, 'month', made.month, 'account', made.account_id,
        'amount', made.amount::text, 'reason', made.reason, 'at', made.at));
END
$$;
COMMENT ON FUNCTION onefin_api.correct_payroll(date, bigint, numeric, text) IS
    'Corrects a closed month for an account by a line of the next month that is closed, for admins; journaled: {correction: {id, month, account, amount, reason, at}}';
