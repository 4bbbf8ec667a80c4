// The figures of people. A month of all of them, as an admin reads it under row-level security from
// onefin_kpi.staff_month, of two years with 10,000,000 messages, beside the plain query that computes the
// same from the messages: windows over each round find who waited from when, who answered, and when. What
// both answer must be the same, row by row. KPI_MESSAGES=100000 tries it with fewer; its ratio is worth little.
//
// And how fresh they are: from a message's commit until a figure of onefin_kpi has counted it, the 99th
// percentile, at 1,000 messages a second of clients and accountants who answer them. The commit's time is the
// one that PostgreSQL keeps for it (track_commit_timestamp); a figure is read over and over, and what it counts
// is seen when its answer has come. Messages are counted in the order of their seals, so the figure's number
// says which ones are in it.

import { Cluster } from '../../lib/cluster.mjs';
import { sleep, until } from '../../lib/scratch.mjs';
import { median, percentile, pgbench, psql, rounded, SECONDS, settle, takeTurns } from '../lib.mjs';

const MESSAGES = Number(process.env.KPI_MESSAGES || 10000000);
const MONTH = '2026-03-01';
const RATE = 1000;

const MONTH_FIGURE = 'kpi.month_vs_window_query';
const FRESHNESS = 'kpi.freshness_p99';

export const figures = {
  [MONTH_FIGURE]: { unit: 'ratio', goal: 100 },
  [FRESHNESS]: { unit: 'ms', goal: 100, atMost: true },
};

const figure = `SELECT * FROM onefin_kpi.staff_month WHERE month = '${MONTH}'`;
const within = `at >= timestamp '${MONTH}' AT TIME ZONE 'Asia/Tashkent' AND at < (timestamp '${MONTH}' + interval '1 month') AT TIME ZONE 'Asia/Tashkent'`;
const plain = `
  WITH turn AS (
    SELECT ticket_id, author_id, author_role, at, count(*) FILTER (WHERE author_role <> 'client')
      OVER (PARTITION BY ticket_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
    FROM onefin.message WHERE visibility = 'all'),
  answer AS (
    SELECT min(at) FILTER (WHERE author_role = 'client') AS asked, max(at) FILTER (WHERE author_role <> 'client') AS at,
      max(author_id) FILTER (WHERE author_role <> 'client') AS account_id
    FROM turn GROUP BY ticket_id, turn),
  waited AS (
    SELECT account_id, extract(epoch FROM at - asked)::double precision AS seconds FROM answer WHERE asked IS NOT NULL AND ${within})
  SELECT account_id, m.messages, count(*) AS response_count, avg(seconds) AS response_mean,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS response_median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS response_p90, avg((seconds <= 14400)::integer)::double precision AS response_within
  FROM waited JOIN (SELECT author_id AS account_id, count(*) AS messages FROM onefin.message
    WHERE author_role <> 'client' AND visibility = 'all' AND ${within} GROUP BY 1) m USING (account_id)
  GROUP BY 1, 2`;

/** The plain query's columns of both must be the same; the seconds to a millionth. */
function compare(own, other) {
  const rows = new Map(own.map(row => [row.account_id, row]));
  const differs = ([name, value]) => row => !(Math.abs(row[name] - value) <= 1e-6);
  const wrong = other.filter(row => !rows.has(row.account_id)
    || Object.entries(row).some(column => differs(column)(rows.get(row.account_id))));
  if (own.length !== other.length || own.length === 0 || wrong.length)
    throw new Error(`${wrong.length} of ${other.length} rows differ from ${own.length}: ${JSON.stringify(wrong[0])}`);
}

/** Times a second. */
async function rate(client, text, seconds) {
  const begin = performance.now();
  let done = 0;
  do {
    await client.query({ name: text.slice(0, 20), text });
    done++;
  } while (performance.now() - begin < seconds * 1000);
  return done / (performance.now() - begin) * 1000;
}

async function month() {
  const cluster = await Cluster.start('shared_buffers=4GB', 'work_mem=256MB', 'max_wal_size=16GB', 'checkpoint_timeout=30min');
  console.error(`loading ${MESSAGES} messages`);
  await psql(cluster, 'kpi/month', { messages: MESSAGES });
  const admin = await cluster.connect('bench_admin');
  const other = await cluster.connect();
  compare((await admin.query(figure)).rows, (await other.query(plain)).rows);
  const values = await takeTurns({
    figure: seconds => rate(admin, figure, seconds),
    plain: () => rate(other, plain, 0),
  }, SECONDS / 2);
  await Promise.all([admin.end(), other.end()]);
  cluster.remove();
  return { own: values.figure, peer: { name: 'window query over the messages', unit: 'queries/s', values: values.plain },
    more: { messages: MESSAGES, ms: rounded(1000 / median(values.figure)) } };
}

const now = () => performance.timeOrigin + performance.now();
const counted = 'SELECT coalesce(sum(messages_client + messages_staff), 0)::bigint AS n FROM onefin_kpi.kind_month';

/** Milliseconds from commit until it was counted, sorted. */
async function freshness(cluster, admin, seconds, noted) {
  const before = (await admin.query(counted)).rows[0].n;
  const samples = [];
  let talking = true;
  const watching = (async () => {
    while (talking) {
      const { n } = (await admin.query({ name: 'counted', text: counted })).rows[0];
      samples.push({ n, at: now() });
      await sleep(2); // the reading is not to take a processor from the firm
    }
  })();
  const { rate: reached } = await pgbench(cluster, 'kpi/talk', ['-R', RATE, '-T', seconds], { role: 'onefin_gateway' });
  const total = await cluster.value('SELECT count(*) FROM onefin.message');
  await until(() => samples.at(-1).n === total, 'the figures');
  talking = false;
  await watching;
  const commits = await cluster.query(`SELECT 1e3 * extract(epoch FROM pg_xact_commit_timestamp(j.xact::xid)) AS at
    FROM onefin.seal s, unnest(s.entries) WITH ORDINALITY e (id, place) JOIN onefin.journal j ON j.id = e.id
    WHERE j.kind = 'message.sent' ORDER BY s.number, e.place OFFSET ${before}`);
  let sample = 0;
  const times = commits.map(({ at }, i) => {
    while (samples[sample].n < before + i + 1)
      sample++;
    return samples[sample].at - at;
  }).sort((a, b) => a - b);
  noted.push({ rate: reached, p50: percentile(times, 50), reads: samples.length / seconds });
  return percentile(times, 99);
}

async function fresh() {
  const cluster = await Cluster.start('fsync=on', 'track_commit_timestamp=on', 'max_connections=60', 'shared_buffers=512MB',
    'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'kpi/firm');
  const admin = await cluster.connect('bench_admin');
  await freshness(cluster, admin, 2, []);
  await settle(cluster);
  const noted = [];
  const values = await takeTurns({ freshness: seconds => freshness(cluster, admin, Math.ceil(seconds), noted) });
  await admin.end();
  const wrong = await cluster.value('SELECT onefin.kpi_rebuild()');
  if (wrong.wrong)
    throw new Error(`the figures are not those of the record: ${JSON.stringify(wrong)}`);
  cluster.remove();
  const of = name => rounded(median(noted.map(one => one[name])));
  return { values: values.freshness, more: { rate: of('rate'), p50: of('p50'), reads: of('reads') } };
}

export async function measure(names) {
  const measured = {};
  for (const [name, turn] of [[MONTH_FIGURE, month], [FRESHNESS, fresh]])
    if (names.includes(name))
      measured[name] = await turn();
  return measured;
}
