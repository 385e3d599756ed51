/** Loads one source file with one place changed: the mutant named in SIGNALBOX_MUTANT. The place must be there exactly once. */

import { registerHooks } from 'node:module';

const { file, find, replace } = JSON.parse(process.env.SIGNALBOX_MUTANT ?? '{}');

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith(`/src/${file}`)) return loaded;
    const source = loaded.source.toString();
    const parts = source.split(find);
    if (parts.length !== 2) throw new Error(`the place to change is in ${file} ${parts.length - 1} times, not once: ${find}`);
    return { ...loaded, source: parts.join(replace) };
  },
});
