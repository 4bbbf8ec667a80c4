// What changed between two texts, word by word: the longest common subsequence of their words and gaps.

export type Change = { kind: 'same' | 'added' | 'removed'; text: string };

/** Beyond this many word pairs the table is not worth its memory: everything counts as replaced. */
const LIMIT = 4_000_000;

export function diffWords(before: string, after: string): Change[] {
  const a = before.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
  const b = after.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
  if (a.length * b.length > LIMIT) {
    return [{ kind: 'removed', text: before }, { kind: 'added', text: after }];
  }
  const common = commonLengths(a, b);
  const changes: Change[] = [];
  const width = b.length + 1;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(changes, 'same', a[i++]!);
      j++;
    } else if (i < a.length && (j === b.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      push(changes, 'removed', a[i++]!);
    } else {
      push(changes, 'added', b[j++]!);
    }
  }
  return changes;
}

/** At [i * (b.length + 1) + j]: how many words a from i and b from j have in common, in order. */
function commonLengths(a: string[], b: string[]): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] =
        a[i] === b[j]
          ? table[(i + 1) * width + j + 1]! + 1
          : Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!);
    }
  }
  return table;
}

function push(changes: Change[], kind: Change['kind'], text: string): void {
  const last = changes[changes.length - 1];
  if (last?.kind === kind) last.text += text;
  else changes.push({ kind, text });
}
