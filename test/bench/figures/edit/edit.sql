\set id :client_id * 200 + random(1, 200)
\set n random(1, 1000000000)
SELECT onefin.call('t' || :client_id, 'edit', jsonb_build_object('message', id, 'version', version, 'text',
    'Assalomu alaykum, tuzatdim: ' || :n || ' so''m bank oplata bo''yicha hujjat, tekshirib bering.'), '10.0.0.1')
FROM onefin.message WHERE id = :id;
