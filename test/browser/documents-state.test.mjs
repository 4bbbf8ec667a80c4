// What the page makes of descriptions of documents, which come by messages, events and calls in any
// order: the rules of documents.ts, without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './page.mjs';

const { nothing, reset } = await load('state');
const { applyEvent } = await load('events');
const { applyDocument, filterOf, mayHaveOriginal, newerOf } = await load('documents');
const { kindOf, percent } = await load('format');

const document = (more = {}) => ({
  id: 5,
  org: 3,
  topic: 7,
  message: null,
  name: 'a.pdf',
  erased_at: null,
  uploader: 2,
  revision: 0,
  state: 'stamping',
  stamped: false,
  signed: false,
  original: null,
  marks: [],
  ...more,
});
const mark = (name) => ({ mark: name, at: '', by: 1, by_name: 'Ann', reason: null });
const told = (seal, kind, body) => ({ seal, index: 0, kind, org: 3, topic: 7, document: body });
const apply = (state, ...events) => events.reduce(applyEvent, state);

test('of two descriptions the one of the greater revision is newer, whichever comes last', () => {
  const old = document();
  const ready = document({ revision: 1, state: 'ready', stamped: true });
  assert.equal(newerOf(undefined, old), old);
  assert.equal(newerOf(old, ready), ready);
  assert.equal(newerOf(ready, old), ready);
});

test('being sent and being erased make no revision, and are not taken back', () => {
  const upload = document({ revision: 1 });
  const sent = document({ revision: 1, message: 9 });
  const erased = document({ revision: 1, message: 9, erased_at: '2026-01-01T00:00:00Z' });
  assert.equal(newerOf(upload, sent), sent);
  assert.equal(newerOf(sent, upload), sent);
  assert.equal(newerOf(erased, sent), erased);
  const again = document({ revision: 1, message: 9 });
  assert.equal(newerOf(sent, again), again);
});

test('an event brings the document on, once; one that is only named waits for the next', () => {
  const ready = document({ revision: 1, state: 'ready', stamped: true });
  const now = apply(nothing, told(1, 'document.ready', ready));
  assert.equal(now.documents[5], ready);
  const named = { id: 5, org: 3, topic: 7, revision: 2 };
  assert.equal(apply(now, told(2, 'document.processed', named)).documents[5], ready);
  const older = apply(now, told(2, 'document.failed', document({ state: 'failed' })));
  assert.equal(older.documents[5], ready);
  assert.equal(applyDocument(now, document()), now);
});

test('what was told of an erased company is forgotten, and all of it at a reset', () => {
  const other = document({ id: 6, org: 4 });
  const now = [document(), other].reduce(applyDocument, nothing);
  const erased = apply(now, { seal: 1, index: 0, kind: 'org.erased', org: 3, topic: null });
  assert.deepEqual(Object.keys(erased.documents), ['6']);
  assert.deepEqual(reset(now).documents, {});
});

test('documents of clients are unprocessed until they are marked; those of the staff are neither', () => {
  const client = document({ state: 'ready' });
  assert.equal(filterOf(client), 'unprocessed');
  assert.equal(filterOf(document()), null);
  assert.equal(filterOf(document({ state: 'failed' })), null);
  assert.equal(filterOf(document({ state: 'ready', stamped: true })), null);
  const marks = [mark('returned'), mark('processed')];
  assert.equal(filterOf({ ...client, marks }), 'processed');
  assert.equal(filterOf({ ...client, marks: marks.slice(0, 1) }), 'returned');
});

test('the original is offered to those who get it', () => {
  const original = { name: 'a.docx', type: '', size: 1 };
  const stamped = document({ state: 'ready', stamped: true, original });
  const signed = { ...stamped, signed: true };
  const may = (role, id, body, client_sees_versions = false) =>
    mayHaveOriginal({ role, id }, { client_sees_versions }, body);
  const all = (body, settings) =>
    ['admin', 'supervisor', 'accountant', 'client'].map((role) => may(role, 9, body, settings));
  assert.deepEqual(all(stamped), [true, false, false, false]);
  assert.deepEqual(all(signed), [true, true, false, false]);
  assert.deepEqual(all(signed, true), [true, true, false, true]);
  assert.equal(may('accountant', signed.uploader, signed), true);
  assert.deepEqual(all(document({ state: 'failed' })), [true, false, false, false]);
  assert.deepEqual(all(document({ state: 'ready' })), [false, false, false, false]);
  assert.deepEqual(all({ ...signed, erased_at: 'then' }, true), [false, false, false, false]);
});

test('kinds of files in a few letters, and per cent that are not done before they are', () => {
  assert.equal(kindOf('application/pdf', 'a.docx'), 'PDF');
  assert.equal(kindOf('image/jpeg', 'a'), 'JPG');
  assert.equal(kindOf('image/png', 'a.PNG'), 'PNG');
  assert.equal(kindOf('application/octet-stream', 'a.dwg'), 'DWG');
  assert.equal(kindOf('application/octet-stream', 'a.longending'), '');
  assert.deepEqual([percent(0, 0), percent(1, 3), percent(9, 9)], [0, 33, 99]);
});
