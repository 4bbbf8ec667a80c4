// Files over a directory.

import { filesSuite } from '../lib/files-suite.mjs';

filesSuite({ store: 'dir' });
