// Files over an S3 store.

import { filesSuite } from '../lib/files-suite.mjs';

filesSuite({ store: 's3' });
