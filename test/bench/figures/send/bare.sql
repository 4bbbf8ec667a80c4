\set org CASE WHEN :client_id < 16 THEN :client_id + 1 ELSE 17 + (:client_id - 16) * 10 + random(0, 9) END
\set topic 5 * (:org - 1) + random(1, 5)
INSERT INTO bench.bare (org_id, topic_id, ticket_id, author_id, at, version, imported, author_role, author_name,
    visibility, client_key, text) VALUES (:org, :topic, :topic, :client_id + 1, now(), 1, false, 'accountant',
    'Writer ' || :client_id, 'all', gen_random_uuid(),
    'Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.') RETURNING id;
