// Jobs on files in a directory.

import { jobsSuite } from '../lib/jobs-suite.mjs';

jobsSuite({ store: 'dir' });
