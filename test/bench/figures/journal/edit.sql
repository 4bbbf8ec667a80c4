\set back random(0, 50)
\set n random(1, 1000000000)
SELECT onefin.call('t' || :client_id, 'edit', jsonb_build_object('message', id, 'version', version, 'text',
    'Assalomu alaykum, tuzatdim: ' || :n || ' so''m bank oplata bo''yicha hujjat, tekshirib bering.'), '10.0.0.1')
FROM (SELECT id, version FROM onefin.message WHERE author_id = :client_id + 1 AND deleted_at IS NULL
    ORDER BY id DESC OFFSET :back LIMIT 1) mine;
