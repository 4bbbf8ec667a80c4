// What changed between two texts, word by word: the longest common subsequence of their words and
// gaps.

export type Change = { kind: 'same' | 'added' | 'removed'; text: string };

/** Beyond this many word pairs the table is not worth its memory: everything counts as replaced. */
const LIMIT = 4_000_000;

function words(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

export function diffWords(before: string, after: string): Change[] {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end))
    end++;
  const changes: Change[] = [];
  push(changes, 'same', a.slice(0, start));
  compare(a.slice(start, a.length - end), b.slice(start, b.length - end), changes);
  push(changes, 'same', a.slice(a.length - end));
  return changes;
}

function compare(a: string[], b: string[], changes: Change[]): void {
  if (a.length * b.length > LIMIT) {
    push(changes, 'removed', a);
    push(changes, 'added', b);
    return;
  }
  const common = commonLengths(a, b);
  const width = b.length + 1;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(changes, 'same', [a[i++]!]);
      j++;
    } else if (
      i < a.length &&
      (j === b.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    ) {
      push(changes, 'removed', [a[i++]!]);
    } else {
      push(changes, 'added', [b[j++]!]);
    }
  }
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

function push(changes: Change[], kind: Change['kind'], parts: string[]): void {
  if (parts.length === 0) return;
  const text = parts.join('');
  const last = changes.at(-1);
  if (last?.kind === kind) last.text += text;
  else changes.push({ kind, text });
}
