// Resumable uploads into an S3 store.

import { resumableSuite } from '../lib/resumable-suite.mjs';

resumableSuite({ store: 's3' });
