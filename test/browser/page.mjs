// The page's own modules for unit tests: bundled by the page's esbuild, loaded as one module.

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from '../../gateway/web/node_modules/esbuild/lib/main.js';

const source = fileURLToPath(new URL('../../gateway/web/src', import.meta.url));
export const output = fileURLToPath(new URL('../../.build/test/browser', import.meta.url));

/** The exports of src/NAME.ts. */
export async function load(name) {
  const outfile = `${output}/${name}.mjs`;
  mkdirSync(output, { recursive: true });
  await build({
    entryPoints: [`${source}/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  });
  return import(outfile);
}
