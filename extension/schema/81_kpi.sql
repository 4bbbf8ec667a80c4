-- The call that shows figures: whatever the views of onefin_kpi give to who asks.

CREATE FUNCTION onefin_api.kpi(month date DEFAULT NULL, account bigint DEFAULT NULL) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', s.seal, 'month', m.month, 'time_zone', s.time_zone,
        'staff', (SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY v.account, v.account_id), '[]') FROM onefin_kpi.staff_month v WHERE v.month = m.month),
        'orgs', (SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY v.org, v.org_id), '[]') FROM onefin_kpi.org_month v WHERE v.month = m.month),
        'kinds', (SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY k.id), '[]') FROM onefin_kpi.kind_month v
            JOIN onefin.topic_kind k ON k.code = v.kind WHERE v.month = m.month),
        'days', (SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY v.day), '[]') FROM onefin_kpi.staff_day v
            WHERE v.account_id = coalesce(kpi.account, (SELECT onefin.current_account()))
                AND v.day >= m.month AND v.day < m.month + interval '1 month'))
    FROM onefin.kpi_state s,
        LATERAL (SELECT date_trunc('month', coalesce(kpi.month, (now() AT TIME ZONE s.time_zone)::date)::timestamp)::date AS month) m;
END;
COMMENT ON FUNCTION onefin_api.kpi(date, bigint) IS
    'Figures of a month, any day of which names it, by default the running one: {seal, month, time_zone, staff, orgs, kinds, days}: rows of onefin_kpi.staff_month, org_month and kind_month that I may see, and of staff_day those of an account, by default mine; up to the seal';
