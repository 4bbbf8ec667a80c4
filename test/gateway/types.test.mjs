// The type of a file is found from its first bytes, and decides whether it is taken.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { until } from '../lib/scratch.mjs';

let world, kim, topic;

before(async () => {
    world = await World.start();
    kim = await world.connect('kim');
    topic = world.firm.orgs.Anor.topics.contract;
});
after(() => world.end());

async function upload(bytes) {
    const answer = await fetch(`${world.gateway.http}/files?topic=${topic}&name=file`,
        { method: 'POST', headers: { Authorization: `Bearer ${kim.token}` }, body: Buffer.from(bytes, 'latin1') });
    return { status: answer.status, ...await answer.json() };
}

const office = 'application/vnd.openxmlformats-officedocument.';
const types = {
    'application/pdf': '%PDF-1.7\n', 'image/png': '\x89PNG\r\n\x1a\n', 'image/jpeg': '\xff\xd8\xff\xe0', 'image/gif': 'GIF89a',
    'image/webp': 'RIFF....WEBPVP8 ', 'image/tiff': 'II*\0', 'image/heic': '\0\0\0\x18ftypheic', 'application/zip': 'PK\x03\x04',
    [`${office}wordprocessingml.document`]: 'PK\x03\x04 word/document.xml', [`${office}spreadsheetml.sheet`]: 'PK\x03\x04 xl/workbook.xml',
    'application/vnd.oasis.opendocument.text': 'PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.text',
    'application/x-ole-storage': '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'application/octet-stream': 'a text',
};

for (const [type, bytes] of Object.entries(types))
    test(type, async () => {
        const { status, result } = await upload(`${bytes}${' '.repeat(20)}`);
        assert.deepEqual([status, result.type], [201, type]);
    });

test('programs are not taken, and leave nothing in the store', async () => {
    const before = (await world.stored()).length;
    for (const bytes of ['MZ\x90\0', '\x7fELF\x02\x01'])
        await upload(bytes).then(({ status, error }) => {
            assert.deepEqual([status, error.code], [400, -32602]);
            assert.match(error.data.hint, /PDF/);
        });
    await until(async () => (await world.stored()).length === before, 'what was refused to be removed');
});

test('only what the firm takes is taken', async () => {
    await world.admin.call('settings', { name: 'upload_types', value: 'image/png' });
    assert.equal((await upload(types['application/pdf'])).error.code, -32602);
    assert.equal((await upload(types['image/png'])).status, 201);
    await world.admin.call('settings', { name: 'upload_bytes', value: 10 });
    assert.match((await upload(`${types['image/png']}and more`)).error.message, /too large/);
});
