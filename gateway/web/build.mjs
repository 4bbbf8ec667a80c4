// Builds the page: node build.mjs OUTDIR (default: .build/web at the top of the tree). OUTDIR gets
// index.html, app.js, app.css and icon.svg; names stay the same from build to build, and index.html
// asks for them with a digest of their content, so that no cache serves an old one.

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const outdir = resolve(process.argv[2] ?? join(here, '../../.build/web'));

await mkdir(outdir, { recursive: true });
const { outputFiles, warnings } = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  bundle: true,
  minify: true,
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  outdir,
  write: false,
});
if (warnings.length > 0) process.exit(1); // esbuild has shown them

let html = await readFile(join(here, 'src/index.html'), 'utf8');
for (const file of outputFiles) {
  const name = file.path.slice(outdir.length + 1);
  const digest = createHash('sha256').update(file.contents).digest('hex').slice(0, 12);
  html = html.replaceAll(`"${name}"`, `"${name}?${digest}"`);
  await writeFile(file.path, file.contents);
}
await writeFile(join(outdir, 'index.html'), html);
await writeFile(join(outdir, 'icon.svg'), await readFile(join(here, 'src/icon.svg')));
