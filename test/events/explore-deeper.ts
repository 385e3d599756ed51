/** `npm run test:explore`: the explorers of the event queue with more switches than `npm test` has time for. Takes about an hour. */

import { globSync } from 'node:fs';

process.env.EXPLORE_DEEPER ??= '1';
for (const file of globSync('*.explore.test.ts', { cwd: import.meta.dirname })) await import(new URL(file, import.meta.url).href);
