// Runs figures and prints each as one line of JSON on standard output; all else goes to standard
// error. A file of figures/ measures what belongs together. It exports
//
//   figures          {name: {unit, goal}}, the goal to be reached or passed
//   measure(names)   makes its own servers, measures ours and its peers in turns, and returns
//                    {name: {own: [...], peer: {name, unit, values: [...]}}}: one value a round
//
// A figure's value is the median of the rounds' ratios, with the smallest and greatest beside it.

import { readdirSync } from 'node:fs';

const folder = new URL('figures/', import.meta.url);
const files = await Promise.all(readdirSync(folder).filter(name => name.endsWith('.mjs')).sort()
  .map(name => import(new URL(name, folder))));
const known = files.flatMap(file => Object.keys(file.figures));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : known;

for (const name of wanted.filter(name => !known.includes(name))) {
  console.error(`bench: no figure ${name}; there are ${known.join(', ')}`);
  process.exitCode = 2;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const rounded = value => Number(value.toPrecision(4));

function line(figure, { unit, goal }, { own, peer }) {
  const ratios = own.map((value, round) => value / peer.values[round]);
  return {
    figure, value: rounded(median(ratios)), unit, goal, runs: ratios.length,
    min: rounded(Math.min(...ratios)), max: rounded(Math.max(...ratios)),
    own: { value: rounded(median(own)), unit: peer.unit },
    peer: { name: peer.name, value: rounded(median(peer.values)), unit: peer.unit },
  };
}

for (const file of process.exitCode ? [] : files) {
  const names = Object.keys(file.figures).filter(name => wanted.includes(name));
  const measured = names.length ? await file.measure(names) : {};
  for (const name of names)
    console.log(JSON.stringify(line(name, file.figures[name], measured[name])));
}
