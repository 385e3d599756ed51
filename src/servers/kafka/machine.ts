/** What of the machine this door is given. */

import type { Host } from '../../host/host.ts';

export type Machine = Pick<Host, 'clock' | 'random' | 'logger'>;
