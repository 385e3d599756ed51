/** For `assert.rejects` and `assert.throws`: a `Refused` with this code, whose message names `what`. */

import { Refused } from '../../src/model/refusal.ts';

export function isRefused(code: Refused['code'], what = ''): (error: unknown) => boolean {
  return (error) => error instanceof Refused && error.code === code && error.message.includes(what);
}
