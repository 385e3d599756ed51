/** Who hears of dead letters. */

import type { DeathReason, Deliveries } from '../model/engine.ts';

export type DeathListener = (queue: string, deliveries: Deliveries, reason: DeathReason) => void;
