// Builds the page: node build.mjs OUTDIR (default: .build/web at the top of the tree). OUTDIR gets
// index.html, app.js, app.css, icon.svg, and the parts that app.js loads when they are wanted. Names
// of the first ones stay the same from build to build, and index.html asks for them with a digest of
// their content; names of parts have it in them. So no cache serves an old one.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const outdir = resolve(process.argv[2] ?? join(here, '../../.build/web'));

await mkdir(outdir, { recursive: true });
const { outputFiles, warnings, metafile } = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  bundle: true,
  splitting: true,
  format: 'esm',
  chunkNames: 'part-[hash]',
  minify: true,
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  outdir,
  write: false,
  metafile: true,
});
if (warnings.length > 0) process.exit(1); // esbuild has shown them

for (const name of await readdir(outdir))
  if (/^part-\w+\.js$/.test(name)) await rm(join(outdir, name)); // of an earlier build

let html = await readFile(join(here, 'src/index.html'), 'utf8');
for (const file of outputFiles) {
  const name = file.path.slice(outdir.length + 1);
  const digest = createHash('sha256').update(file.contents).digest('hex').slice(0, 12);
  html = html.replaceAll(`"${name}"`, `"${name}?${digest}"`);
  await writeFile(file.path, file.contents);
}

// What app.js needs from the start is asked for beside it.
const app = Object.entries(metafile.outputs).find(([path]) => path.endsWith('/app.js'))[1];
const needed = app.imports
  .filter(({ kind }) => kind === 'import-statement')
  .map(({ path }) => `<link rel="modulepreload" href="${basename(path)}" />`);
html = html.replace('<script', `${needed.join('')}\n    <script`);
await writeFile(join(outdir, 'index.html'), html);
await writeFile(join(outdir, 'icon.svg'), await readFile(join(here, 'src/icon.svg')));
