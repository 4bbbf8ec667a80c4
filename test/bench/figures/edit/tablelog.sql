\set id :client_id * 200 + random(1, 200)
\set n random(1, 1000000000)
UPDATE bench.tablelog SET version = version + 1, edited_at = now(), text =
    'Assalomu alaykum, tuzatdim: ' || :n || ' so''m bank oplata bo''yicha hujjat, tekshirib bering.'
WHERE id = :id RETURNING to_jsonb(tablelog);
