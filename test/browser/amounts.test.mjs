// Durations, shares and sums as people read them, and the time that is left while the clock goes:
// without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './page.mjs';

const { amountOf, decimal, duration, durationLeft, money, monthAfter, monthName, share, sum } =
  await load('amounts');
const { leftOf, urgencyOf, waitedOf, waitOf } = await load('waits');

const all = (draw) => ['uz', 'ru', 'en'].map((language) => draw(language).replace(/\u00a0/g, '_'));

test('durations are in words, to the minute; none is a dash', () => {
  assert.deepEqual(
    all((language) => duration(language, 7500)),
    ['2 soat 5 daq', '2 ч 5 мин', '2 h 5 min'],
  );
  const uz = (seconds) => duration('uz', seconds);
  assert.deepEqual([0, 0.02, 59.4, 59.6, 3570, 3600, 100 * 3600].map(uz), [
    '0 soniya',
    '< 1 soniya',
    '59 soniya',
    '1 daq',
    '1 soat',
    '1 soat',
    '100 soat',
  ]);
  assert.equal(uz(null), '–');
  assert.deepEqual(
    [59.9, 119, 7199].map((each) => durationLeft('en', each)),
    ['59 s', '1 min', '1 h 59 min'],
  );
});

test('a share is never rounded up, and none is a dash', () => {
  assert.deepEqual(
    all((language) => share(language, 0.94999)),
    ['94,9 %', '94,9 %', '94.9%'],
  );
  assert.deepEqual(
    [0, 0.29, 1, null].map((each) => share('en', each)),
    ['0%', '29%', '100%', '–'],
  );
  assert.deepEqual(
    [decimal('ru', 4.5, 2), decimal('en', 4.666, 2), decimal('en', null, 2)],
    ['4,5', '4.67', '–'],
  );
});

test('sums keep every digit, and are read as they are typed', () => {
  assert.deepEqual(
    all((language) => money(language, '-1234567890123.50')),
    ['−1_234_567_890_123,50 soʻm', '−1_234_567_890_123,50 сум', '−1,234,567,890,123.50 soʻm'],
  );
  assert.deepEqual(
    ['0', '500.00', null].map((each) => money('uz', each)),
    ['0 soʻm', '500 soʻm', '–'],
  );
  assert.equal(sum(['0.10', '0.20', '-1000000000000.05', '7']), '-999999999992.75');
  assert.equal(sum([]), '0.00');
  assert.deepEqual(['1 200,50', '−20', '5.005', '1e3', '', '12a'].map(amountOf), [
    '1200.50',
    '-20',
    null,
    null,
    null,
    null,
  ]);
});

test('months have names, and follow each other', () => {
  assert.deepEqual(
    all((language) => monthName(language, '2026-11-01')),
    ['Noyabr 2026', 'Ноябрь 2026', 'November 2026'],
  );
  assert.deepEqual(
    [monthAfter('2026-12-01', 1), monthAfter('2026-01-01', -1)],
    ['2027-01-01', '2025-12-01'],
  );
});

const now = '2026-11-26T10:00:00Z';
const wait = (more) => ({
  id: 1,
  kind: 'first',
  topic: 7,
  target: 1800,
  due_at: '2026-11-26T10:10:00Z',
  paused_at: null,
  warned_at: null,
  breached_at: null,
  left: 600,
  waited: 1200,
  ...more,
});
const waits = (...some) => ({ reply: { seal: 1, now, waits: some }, came: 50_000 });
const minuteLater = 110_000;

test('what is left goes down with the clock on the wall, where nothing else lies before the end', () => {
  const open = wait();
  assert.equal(leftOf(open, waits(open), minuteLater), 540);
  assert.equal(waitedOf(open, waits(open), minuteLater), 1260);
  const overnight = wait({ due_at: '2026-11-27T04:10:00Z' });
  assert.equal(leftOf(overnight, waits(overnight), minuteLater), 600);
  const paused = wait({ due_at: null, left: null, paused_at: now });
  assert.equal(leftOf(paused, waits(paused), minuteLater), null);
  assert.equal(waitedOf(paused, waits(paused), minuteLater), 1200);
});

test('urgent is what is over, then what staff were warned of; who waits for the client is neither', () => {
  assert.equal(urgencyOf(wait(), 600), 'calm');
  assert.equal(urgencyOf(wait({ warned_at: now }), 60), 'warned');
  assert.equal(urgencyOf(wait({ warned_at: now }), 0), 'over');
  assert.equal(urgencyOf(wait({ breached_at: now }), 600), 'over');
  assert.equal(urgencyOf(wait({ breached_at: now, paused_at: now }), -60), 'paused');
  assert.equal(urgencyOf(wait({ due_at: null, left: null }), null), 'calm');
  const [other, mine] = [wait({ topic: 8 }), wait({ id: 2 })];
  assert.equal(waitOf(waits(other, mine), 7).id, 2);
  assert.equal(waitOf(waits(other), 7), null);
  assert.equal(waitOf(undefined, 7), null);
});
