\set room random(0, :clients / :each - 1)
WITH message AS (
    INSERT INTO bench.message (room, text)
    VALUES (:room, 'Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.')
    RETURNING id, room, text
)
SELECT pg_notify('socket.io#/', '{"uid":"emitter","nsp":"/","type":3,"data":{"opts":{"rooms":["' || room
    || '"],"except":[],"flags":{}},"packet":{"type":2,"nsp":"/","data":["event",{"at": "2026-01-01T00:00:00.123456+00:00", "org": '
    || room || ', "kind": "message.sent", "seal": ' || id || ', "actor": 1, "index": 12, "topic": 1, "message": {"at": "2026-01-01T00:00:00.123456+00:00", "id": '
    || id || ', "org": 1, "text": ' || to_json(text)
    || ', "topic": 1, "author": 1, "ticket": 1, "version": 1, "imported": false, "reply_to": null, "documents": [], "edited_at": null, "client_key": "4864a11f-6638-4510-828a-1c1931954cbf", "deleted_at": null, "visibility": "all", "author_name": "Client 0", "author_role": "client", "redacted_at": null}}]}}}')
FROM message;
