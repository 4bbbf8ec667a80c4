// Jobs on files in an S3 store.

import { jobsSuite } from '../lib/jobs-suite.mjs';

jobsSuite({ store: 's3' });
