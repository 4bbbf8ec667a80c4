// What the page makes of replies and events: the rules of state.ts, topics.ts and events.ts,
// without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './page.mjs';

const state = { ...(await load('state')), ...(await load('topics')), ...(await load('events')) };
const { links } = await load('format');

const TOPIC = 7;
const me = { id: 1, login: 'ann', name: 'Ann', role: 'accountant', org: null, language: 'uz' };

const message = (id, more = {}) => ({
  id,
  org: 3,
  topic: TOPIC,
  author: 2,
  author_name: 'Kim',
  author_role: 'client',
  at: '2025-11-23T10:00:00+05:00',
  text: `text ${id}`,
  version: 1,
  edited_at: null,
  deleted_at: null,
  redacted_at: null,
  visibility: 'all',
  imported: false,
  reply_to: null,
  client_key: null,
  documents: [],
  ...more,
});

const event = (seal, kind, rest, index = 0) => ({
  seal,
  index,
  kind,
  at: '2025-11-23T10:00:00+05:00',
  org: 3,
  topic: TOPIC,
  ...rest,
});
const sent = (seal, body, index) => event(seal, 'message.sent', { message: body }, index);
const edited = (seal, body, index) => event(seal, 'message.edited', { message: body }, index);

const list = (seal, unread, last) => ({
  seal,
  orgs: [
    {
      id: 3,
      name: 'Anor',
      department: 1,
      archived: false,
      topics: [
        {
          id: TOPIC,
          kind: 'invoice',
          names: { uz: '', ru: '', en: '' },
          state: 'open',
          unread,
          last,
        },
        {
          id: 8,
          kind: 'contract',
          names: { uz: '', ru: '', en: '' },
          state: null,
          unread: 0,
          last: null,
        },
      ],
    },
  ],
});

/** Logged in at seal 10, messages 1 to 3 loaded, all read but the last. */
function opened() {
  let now = state.advance({ ...state.nothing, account: me }, 10);
  now = state.setTopics(now, list(10, 1, message(3)));
  now = state.setMembers(now, 3, {
    members: [],
    marks: [{ topic: TOPIC, account: 1, message: 2 }],
  });
  return state.addHistory(now, TOPIC, {
    seal: 10,
    messages: [message(1), message(2), message(3)],
    more: true,
  });
}

const apply = (from, ...events) => events.reduce(state.applyEvent, from);
const texts = (now) => now.threads[TOPIC].messages.map((each) => each.text);
const topic = (now) => state.findTopic(now, TOPIC).topic;

test('an event applied twice changes nothing the second time', () => {
  const once = apply(opened(), sent(11, message(4)));
  assert.deepEqual(texts(once), ['text 1', 'text 2', 'text 3', 'text 4']);
  assert.equal(topic(once).unread, 2);
  assert.equal(apply(once, sent(11, message(4))), once);
});

test('the cursor orders by seal, then by index, and a whole seal is behind it after advance', () => {
  const now = apply(opened(), sent(11, message(4), 0), sent(11, message(5), 1));
  assert.deepEqual(now.cursor, { seal: 11, index: 1 });
  assert.equal(apply(now, sent(11, message(6), 1)), now);
  assert.equal(texts(apply(now, sent(11, message(6), 2))).length, 6);
  const whole = state.advance(now, 11);
  assert.equal(apply(whole, sent(11, message(6), 9)), whole);
  assert.equal(state.advance(whole, 9), whole);
});

test('versions that arrive out of order leave the newest', () => {
  const third = message(3, { version: 3, text: 'third' });
  const now = apply(
    opened(),
    edited(11, third),
    edited(12, message(3, { version: 2, text: 'second' })),
  );
  assert.equal(texts(now)[2], 'third');
  assert.equal(topic(now).last.text, 'third');
  const older = state.addHistory(now, TOPIC, { seal: 10, messages: [message(3)], more: true });
  assert.equal(texts(older)[2], 'third');
});

test('a redacted message stays so, whatever comes late of the same version', () => {
  const gone = message(3, { version: 2, text: null, redacted_at: '2025-11-23T10:01:00+05:00' });
  const second = message(3, { version: 2, text: 'secret' });
  let now = apply(opened(), edited(11, second));
  now = apply(now, event(12, 'message.redacted', { message: gone }));
  assert.equal(texts(now)[2], null);
  assert.equal(topic(now).last.text, null);
  const older = state.addHistory(now, TOPIC, { seal: 11, messages: [second], more: true });
  assert.equal(texts(older)[2], null);
  assert.equal(topic(state.setTopics(now, list(11, 0, second))).last.text, null);
  const tombstone = { ...gone, version: 3, deleted_at: '2025-11-23T10:02:00+05:00' };
  const deleted = apply(now, event(13, 'message.deleted', { message: tombstone }));
  assert.equal(deleted.threads[TOPIC].messages[2].version, 3);
});

test('an erased company is loaded anew, and no other', () => {
  const now = apply(opened(), event(11, 'org.erased', { org: 3 }));
  assert.deepEqual(now.threads, {});
  assert.equal(now.listStale, true);
  assert.equal(apply(opened(), event(11, 'org.erased', { org: 4 })).threads[TOPIC].loaded, true);
});

test('a deletion becomes a tombstone and is not unread', () => {
  const now = apply(opened(), sent(11, message(4)), deleted(12, 4));
  assert.equal(texts(now)[3], null);
  assert.equal(topic(now).unread, 1);
});

test('a message that its event only names is shown and counted by the event of its change', () => {
  const { id, org, topic: of, author, visibility } = message(4);
  const named = { id, org, topic: of, author, visibility, version: 1 };
  const waiting = apply(opened(), sent(11, named));
  assert.deepEqual(texts(waiting), ['text 1', 'text 2', 'text 3']);
  assert.equal(topic(waiting).unread, 1);
  const shown = apply(
    waiting,
    edited(12, { ...named, version: 2 }),
    edited(13, message(4, { version: 3, text: 'changed' })),
    edited(14, message(4, { version: 4, text: 'again' })),
  );
  assert.equal(texts(shown)[3], 'again');
  assert.equal(topic(shown).unread, 2);
  const gone = message(4, { version: 2, text: null, deleted_at: '2025-11-23T10:01:00+05:00' });
  const buried = apply(waiting, event(12, 'message.deleted', { message: gone }));
  assert.equal(texts(buried)[3], null);
  assert.equal(topic(buried).unread, 1);
});

const deletion = (id) =>
  message(id, { version: 2, text: null, deleted_at: '2025-11-23T10:01:00+05:00' });
const deleted = (seal, id) => event(seal, 'message.deleted', { message: deletion(id) });
const myRead = (seal, id) => event(seal, 'topic.read', { account: me.id, message: id });
const unread = (now) => topic(now).unread;
const doubted = (now) => now.unsure.length > 0;

test("unread counts others' new messages once, whatever the list had already counted", () => {
  let now = apply(opened(), sent(11, message(4)), sent(12, message(5, { author: me.id })));
  assert.deepEqual([unread(now), doubted(now)], [2, false]);
  // The list is read anew at seal 12 and already contains message 6, whose event comes after it.
  now = state.setTopics(now, list(12, 3, message(6)));
  now = apply(now, sent(13, message(6)));
  // It may as well have been committed after the list was read, before message 6: asked again.
  assert.deepEqual([unread(now), doubted(now)], [3, true]);
  now = state.relist({ ...now, unsure: [] }, list(13, 3, message(6)));
  now = apply(now, sent(14, message(7)));
  assert.deepEqual([unread(now), doubted(now)], [4, false]);
});

test('a list that was read before an event that came first is not the last word', () => {
  const now = apply(opened(), sent(11, message(4)), sent(12, message(5)));
  assert.equal(doubted(state.setTopics(now, list(11, 2, message(4)))), true);
  assert.equal(doubted(state.setTopics(now, list(12, 3, message(5)))), false);
  // Events that came before any list.
  const first = apply(state.advance({ ...state.nothing, account: me }, 10), sent(11, message(4)));
  assert.equal(doubted(state.setTopics(first, list(10, 1, message(3)))), true);
});

test('a deletion counts down what was unread, where that is sure', () => {
  const counted = apply(opened(), sent(11, message(4)), deleted(12, 4));
  assert.deepEqual([unread(counted), doubted(counted)], [1, false]);
  // Twice it is not counted down: the same event, and a redaction of what is deleted.
  const again = apply(
    counted,
    deleted(12, 4),
    event(13, 'message.redacted', {
      message: { ...deletion(4), redacted_at: '2025-11-23T10:01:00+05:00' },
    }),
  );
  assert.equal(unread(again), 1);
  // What was read (1 and 2, by the mark) or is mine was not counted.
  const read = apply(opened(), deleted(11, 2));
  assert.deepEqual([unread(read), doubted(read)], [1, false]);
  const mine = apply(
    opened(),
    event(11, 'message.deleted', { message: { ...deletion(3), author: me.id } }),
  );
  assert.deepEqual([unread(mine), doubted(mine)], [1, false]);
  // The list may have been read before or after this one was deleted.
  const listed = apply(opened(), deleted(11, 3));
  assert.equal(doubted(listed), true);
  assert.equal(unread(state.relist(listed, list(11, 0, deletion(3)))), 0);
  // Deleted and redacted before the event was read: it only names the message.
  const { id, org, topic: of, author, visibility } = message(4);
  const named = { id, org, topic: of, author, visibility, version: 2 };
  const unseen = apply(
    opened(),
    sent(11, message(4)),
    event(12, 'message.deleted', { message: named }),
  );
  assert.equal(unread(unseen), 1);
});

test('no more is counted than the server does', () => {
  const now = state.setTopics(opened(), list(10, 1000, message(3)));
  assert.equal(unread(apply(now, sent(11, message(4)))), 1000);
});

test('reading counts down, and never back up', () => {
  let now = apply(opened(), sent(11, message(4)), sent(12, message(5)));
  now = apply(now, myRead(13, 4));
  assert.equal(unread(now), 1);
  assert.equal(doubted(now), true, 'whether it is one is asked');
  now = state.applyRead(now, TOPIC, me.id, 5);
  assert.equal(unread(now), 0);
  assert.equal(state.applyRead(now, TOPIC, me.id, 3), now);
  // A list that was read before the mark reached the server.
  assert.equal(unread(state.setTopics(now, list(13, 2, message(5)))), 0);
  now = apply(now, event(14, 'topic.read', { account: 2, message: 5 }));
  assert.deepEqual([unread(now), now.marks[TOPIC][2]], [0, 5]);
});

test('what was read on another device is not zero because nothing is loaded here', () => {
  let now = state.advance({ ...state.nothing, account: me }, 10);
  now = state.setTopics(now, list(10, 3, message(3)));
  now = apply(now, myRead(11, 1));
  assert.deepEqual([unread(now), doubted(now)], [3, true]);
  // The last message is mine, and no others are above what was read.
  const own = apply(opened(), sent(11, message(4, { author: me.id })), myRead(12, 3));
  assert.deepEqual([unread(own), doubted(own)], [0, false]);
});

test('a pending message shows until it is there as a message, and never beside it', () => {
  const key = '6f1e9b1e-0000-4000-8000-000000000000';
  const pending = {
    client_key: key,
    topic: TOPIC,
    text: 'mine',
    visibility: 'all',
    reply_to: null,
    documents: [],
    at: '',
    refused: null,
  };
  let now = state.enqueue(opened(), pending);
  assert.equal(state.unsent(now.outbox, TOPIC, now.threads[TOPIC]).length, 1);
  assert.equal(state.unsent(now.outbox, 8, undefined).length, 0);
  const confirmed = message(4, { author: me.id, text: 'mine', client_key: key });
  now = apply(now, sent(11, confirmed));
  assert.equal(state.unsent(now.outbox, TOPIC, now.threads[TOPIC]).length, 0);
  now = state.settle(state.applyMessage(now, confirmed), key);
  assert.equal(now.outbox.length, 0);
  assert.equal(texts(now).filter((text) => text === 'mine').length, 1);
  assert.equal(topic(now).unread, 1);
});

test('a refused message stays, marked, until it is tried again or taken back', () => {
  const pending = {
    client_key: 'k',
    topic: TOPIC,
    text: 'x',
    visibility: 'all',
    reply_to: null,
    documents: [],
    at: '',
    refused: null,
  };
  const now = state.setRefused(state.enqueue(opened(), pending), 'k', -32602);
  assert.equal(now.outbox[0].refused, -32602);
  assert.equal(state.setRefused(now, 'k', null).outbox[0].refused, null);
  assert.equal(state.settle(now, 'k').outbox.length, 0);
});

test('pages of history join without gaps, and leave none open', () => {
  let now = state.addHistory(opened(), TOPIC, {
    seal: 10,
    messages: [message(-1), message(0)],
    more: false,
  });
  assert.deepEqual(
    now.threads[TOPIC].messages.map((each) => each.id),
    [-1, 0, 1, 2, 3],
  );
  assert.equal(now.threads[TOPIC].more, false);
  // An edit of a message older than what is loaded is not put beside a gap.
  now = apply(opened(), edited(11, message(-5, { version: 2 })));
  assert.equal(texts(now).length, 3);
  // While the first page is on its way, events collect; what is older than the page does not stay.
  now = state.startThread(opened(), TOPIC);
  now = apply(now, edited(11, message(-5, { version: 2 })), sent(12, message(4)));
  now = state.addHistory(now, TOPIC, { seal: 11, messages: [message(2), message(3)], more: true });
  assert.deepEqual(
    now.threads[TOPIC].messages.map((each) => each.id),
    [2, 3, 4],
  );
});

test('a ticket event older than the list does not turn the state back', () => {
  const now = apply(opened(), event(11, 'ticket.changed', { ticket: 1, state: 'closed' }));
  assert.equal(topic(now).state, 'closed');
  const listed = state.setTopics(opened(), list(20, 0, message(3)));
  assert.equal(
    topic(apply(listed, event(15, 'ticket.changed', { ticket: 1, state: 'closed' }))).state,
    'open',
  );
});

test('a company that goes from the list takes its messages along', () => {
  assert.equal(
    apply(opened(), event(11, 'assignment.changed', { account: me.id })).listStale,
    true,
  );
  const now = state.setTopics(opened(), { seal: 11, orgs: [] });
  assert.deepEqual(now.threads, {});
});

test('a reset forgets what events would have kept true', () => {
  const now = state.reset(apply(opened(), sent(11, message(4))));
  assert.deepEqual([now.threads, now.marks, now.members, now.listStale], [{}, {}, {}, true]);
  // Of a database that came back older, seals begin below.
  const older = state.setTopics(state.advance(now, 5), list(5, 1, message(3)));
  assert.deepEqual([older.cursor.seal, doubted(older)], [5, false]);
  assert.equal(unread(apply(older, sent(6, message(4)))), 2);
});

test('typing ends with the message, even one that is only named', () => {
  const types = state.setTyping(opened(), TOPIC, 2, true);
  assert.deepEqual(types.typing[TOPIC], [2]);
  assert.equal(state.setTyping(types, TOPIC, 2, true), types);
  assert.deepEqual(apply(types, sent(11, message(4))).typing[TOPIC], []);
  const { id, org, topic: of, author, visibility } = message(4);
  const named = { id, org, topic: of, author, visibility, version: 1 };
  assert.deepEqual(apply(types, sent(11, named)).typing[TOPIC], []);
});

test('who is there: as the company says, then as one is told, and nobody without a connection', () => {
  let now = state.setMembers(opened(), 3, {
    members: [2, 4, 5].map((id) => ({ id, name: '', role: 'client' })),
    marks: [],
  });
  now = state.setHere(state.setHere(now, 9, true), 4, true);
  now = state.setPresence(now, 3, [2]);
  assert.deepEqual(now.here, [9, 2], 'of another company nothing was said');
  now = state.setHere(now, 5, true);
  assert.equal(state.setHere(now, 5, true), now);
  now = state.setHere(now, 2, false);
  assert.deepEqual(now.here, [9, 5]);
  assert.deepEqual(state.disconnect(now).here, []);
});

test('a watch holds until it is ended or the connection is', () => {
  const org = { kind: 'org', id: 3 };
  const department = { kind: 'department', id: 3 };
  let now = state.setWatched(opened(), org, true);
  assert.equal(state.setWatched(now, org, true), now);
  assert.equal(state.isWatched(now, department), false);
  now = state.setWatched(now, department, true);
  assert.deepEqual(state.setWatched(now, org, false).watched, [department]);
  assert.deepEqual(state.disconnect(now).watched, []);
});

test('logins of mine from new devices are kept, once each, and not without bound', () => {
  const login = (session, new_device) => ({
    account: me.id,
    session,
    new_device,
    device: null,
    address: null,
  });
  const from = { ...opened(), session: 50 };
  const sessions = (now) => now.logins.map((each) => each.session);
  const now = apply(
    from,
    event(11, 'session.started', login(50, true)),
    event(12, 'session.started', login(51, true)),
    event(12, 'session.started', login(51, true)),
    event(13, 'session.started', login(52, false)),
  );
  assert.deepEqual([sessions(now), now.sessionsSeal], [[51], 13]);
  assert.equal(apply(now, event(14, 'session.revoked', { session: 51 })).sessionsSeal, 14);
  const many = Array.from({ length: 30 }, (_, at) => 60 + at);
  const events = many.map((session) => event(session, 'session.started', login(session, true)));
  assert.deepEqual(sessions(apply(from, ...events)), many.slice(-20));
});

test('who may open the versions', () => {
  const may = (role, id, client_sees_versions) =>
    state.maySeeVersions({ ...me, role, id }, { client_sees_versions }, message(1, { author: 5 }));
  assert.deepEqual(
    [
      may('admin', 1),
      may('supervisor', 1),
      may('accountant', 1),
      may('accountant', 5),
      may('client', 5, false),
      may('client', 1, true),
    ],
    [true, true, false, true, false, true],
  );
});

test('addresses become links, the rest stays text', () => {
  assert.deepEqual(links('see https://soliq.uz/a?b=1, or <b>http://x.uz</b>.'), [
    { text: 'see ', href: null },
    { text: 'https://soliq.uz/a?b=1', href: 'https://soliq.uz/a?b=1' },
    { text: ', or <b>', href: null },
    { text: 'http://x.uz', href: 'http://x.uz' },
    { text: '</b>.', href: null },
  ]);
  assert.deepEqual(links('javascript:alert(1)'), [{ text: 'javascript:alert(1)', href: null }]);
});

test('what may change waits and figures is noted by company; what tells of ratings, too', () => {
  let now = opened();
  const kinds = [
    ['message.sent', { message: message(4) }],
    ['sla.warned', {}],
    ['sla.breached', {}],
    ['wait.dismissed', {}],
    ['ticket.changed', { state: 'closed' }],
    ['rating.given', {}],
    ['rating.reminded', {}],
  ];
  for (const [at, [kind, rest]] of kinds.entries()) {
    now = state.applyEvent(now, event(11 + at, kind, rest));
    assert.equal(now.moved[3], 11 + at, kind);
  }
  assert.equal(now.ratingsSeal, 17);
  const before = now.moved;
  now = state.applyEvent(now, event(18, 'topic.read', { account: 2, message: 4 }));
  assert.equal(now.moved, before, 'reading changes none of it');
});

test('addresses name what is open; wrong ones are the list', async () => {
  const { parseRoute, routeTo } = await load('page');
  const office = (hash) => parseRoute(hash).office;
  assert.deepEqual(office(routeTo.office('figures', '2026-10-01', 12)), {
    section: 'figures',
    month: '2026-10-01',
    account: 12,
  });
  assert.deepEqual(office(routeTo.office('waits')), {
    section: 'waits',
    month: null,
    account: null,
  });
  for (const hash of ['#/f/nothing', '#/f/figures/2026', '#/f/figures/now/x', '#/'])
    assert.equal(office(hash), null, hash);
  assert.deepEqual(parseRoute(routeTo.topic(7)), { org: null, topic: 7, office: null });
});
