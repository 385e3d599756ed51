/** The embedded broker keeps what the Engine port promises, in memory and on disk. */

import { describeEngine } from '../../src/testing/testing.ts';
import { inDirectory, inMemory } from './subjects.ts';

describeEngine('embedded, in memory', inMemory);
describeEngine('embedded, in a directory', inDirectory);
