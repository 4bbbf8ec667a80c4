// Resumable uploads into a directory.

import { resumableSuite } from '../lib/resumable-suite.mjs';

resumableSuite({ store: 'dir' });
