// Files up and down over HTTP.

export const bearer = who => who ? { Authorization: `Bearer ${who.token}` } : {};

/** {status, body}; `who` has a token, or is undefined. */
export async function upload(gateway, who, topic, name, bytes) {
    const answer = await fetch(`${gateway.http}/files?topic=${topic}&name=${encodeURIComponent(name)}`,
        { method: 'POST', headers: bearer(who), body: bytes });
    return { status: answer.status, body: await answer.json() };
}

/** The answer as fetch has it. */
export const download = (gateway, who, id) => fetch(`${gateway.http}/files/${id}`, { headers: bearer(who) });
