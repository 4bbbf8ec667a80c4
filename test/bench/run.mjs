// Runs figures and prints each as one line of JSON on standard output; all else goes to standard
// error. A file of figures/ measures what belongs together. It exports
//
//   figures          {name: {unit, goal, atMost}}, the goal to be reached; where atMost is true, the
//                    value is to stay at or below it
//   measure(names)   makes its own servers, measures in rounds, and returns {name: measured} with
//                      a ratio:     {own: [...], peer: {name, unit, values: [...]}}, ours and the
//                                   peer's taking turns, one value a round
//                      an absolute: {values: [...]}, one a round; and where others did the same
//                                   beside it, peers: [{name, values: [...], ...}], of the same unit
//                    and, in any, more: {...}, which is added to the line as it is
//
// A figure's value is the median of the rounds (of their ratios, for a ratio), with the smallest and
// greatest beside it. noise is how far the rounds of what should not change are apart, as a part of
// their median: of the peer for a ratio, of the figure itself for an absolute.

import { readFileSync, readdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { median, ratios, rounded } from './lib.mjs';

const folder = new URL('figures/', import.meta.url);
const files = await Promise.all(readdirSync(folder).filter(name => name.endsWith('.mjs')).sort()
  .map(name => import(new URL(name, folder))));
const known = files.flatMap(file => Object.keys(file.figures));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : known;

for (const name of wanted.filter(name => !known.includes(name))) {
  console.error(`bench: no figure ${name}; there are ${known.join(', ')}`);
  process.exitCode = 2;
}

const noise = values => rounded((Math.max(...values) - Math.min(...values)) / median(values));

function line(figure, { unit, goal, atMost = false }, { own, peer, peers, values = ratios(own, peer.values), more }) {
  return {
    figure, value: rounded(median(values)), unit, goal, better: atMost ? 'less' : 'more',
    runs: values.length, min: rounded(Math.min(...values)), max: rounded(Math.max(...values)),
    noise: noise(peer ? peer.values : values),
    ...peer && {
      own: { value: rounded(median(own)), unit: peer.unit },
      peer: { name: peer.name, value: rounded(median(peer.values)), unit: peer.unit },
    },
    ...peers && { peers: peers.map(({ name, values: theirs, ...rest }) => ({
      name, value: rounded(median(theirs)), ratio: rounded(median(ratios(values, theirs))),
      noise: noise(theirs), ...rest,
    })) },
    ...more,
  };
}

/** Ticks that all processors, and that other machines on the same host, have had. */
function ticks() {
  const numbers = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1, 9).map(Number);
  return { all: numbers.reduce((sum, n) => sum + n), stolen: numbers[7] };
}

for (const file of process.exitCode ? [] : files) {
  const names = Object.keys(file.figures).filter(name => wanted.includes(name));
  if (!names.length)
    continue;
  console.error(`${names.join(', ')}: ${cpus().length} processors, load before ${loadavg()[0].toFixed(2)}`);
  const before = ticks();
  const measured = await file.measure(names);
  const after = ticks();
  console.error(`stolen meanwhile: ${(100 * (after.stolen - before.stolen) / (after.all - before.all)).toFixed(1)} %`);
  for (const name of names)
    console.log(JSON.stringify(line(name, file.figures[name], measured[name])));
}
