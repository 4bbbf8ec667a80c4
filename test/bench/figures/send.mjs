// A full `send` (session, rules, ticket, version, journal, seal) beside the same row put into a
// plain table with the same indexes, without and with a trigger that notifies of it; and beside
// itself while 100 connections of the gateway's role sit and listen.
//
// 32 writers, each with a session of its own: see firm.sql. All contenders share a cluster, with
// fsync on, and take turns. A send counts when it is sealed.
// Sends come in by the gateway's role, as they do from the gateway.
//
// The 100 of the figure listen to a channel that nobody notifies. PostgreSQL wakes every listener of
// the database at each notification all the same, which is what makes notifying writers so slow.
// What 100 cost that LISTEN to onefin and onefin_typing, and so are told of every seal, is
// "following" in the line, and not the figure: a firm has a few gateways, not 100.

import { Cluster } from '../../lib/cluster.mjs';
import { psql, ratios, median, rounded, sealedRate, takeTurns, writeRate } from '../lib.mjs';

const NOTIFY = 'INSERT with pg_notify in a trigger';
const BARE = 'bare INSERT';
const LISTENERS = 100;
const IDLE = ['elsewhere'];
const FOLLOWING = ['onefin', 'onefin_typing'];

export const figures = {
  'send.vs_notify_trigger': { unit: 'ratio', goal: 3 },
  'send.vs_bare_insert': { unit: 'ratio', goal: 0.5 },
  'send.with_100_listeners': { unit: 'ratio', goal: 0.95 },
};

const send = (cluster, seconds) => sealedRate(cluster, 'send/send', 'onefin.message', seconds,
  { role: 'onefin_gateway' });

async function sendHeard(cluster, channels, seconds) {
  const listeners = await Promise.all(Array.from({ length: LISTENERS }, async () => {
    const listener = await cluster.connect('onefin_gateway');
    for (const channel of channels)
      await listener.query(`LISTEN ${channel}`);
    return listener;
  }));
  try {
    return await send(cluster, seconds);
  } finally {
    await Promise.all(listeners.map(listener => listener.end()));
  }
}

export async function measure(names) {
  const cluster = await Cluster.start('fsync=on', 'max_connections=200', 'shared_buffers=512MB',
    'max_wal_size=8GB', 'checkpoint_timeout=30min');
  await psql(cluster, 'firm');
  await psql(cluster, 'send/peers');
  const turns = {
    'send.vs_notify_trigger': { [NOTIFY]: seconds => writeRate(cluster, 'send/notify', 'bench.notify', seconds) },
    'send.vs_bare_insert': { [BARE]: seconds => writeRate(cluster, 'send/bare', 'bench.bare', seconds) },
    'send.with_100_listeners': {
      'send, 100 idle': seconds => sendHeard(cluster, IDLE, seconds),
      'send, 100 following': seconds => sendHeard(cluster, FOLLOWING, seconds),
    },
  };
  const values = await takeTurns(Object.assign({ send: seconds => send(cluster, seconds) },
    ...names.map(name => turns[name])));
  cluster.remove();

  const beside = (own, peer) => ({ own: values[own], peer: { name: peer, unit: 'tx/s', values: values[peer] } });
  const measured = {
    'send.vs_notify_trigger': () => beside('send', NOTIFY),
    'send.vs_bare_insert': () => beside('send', BARE),
    'send.with_100_listeners': () => ({
      ...beside('send, 100 idle', 'send'),
      more: { following: rounded(median(ratios(values['send, 100 following'], values.send))) },
    }),
  };
  return Object.fromEntries(names.map(name => [name, measured[name]()]));
}
