/** What a broker is made of: its options, its face, and what its parts share. */

import type { Rules } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import type { Durability } from '../journal/journal.ts';
import type { Engine } from '../model/engine.ts';
import type { Language } from '../model/record.ts';
import type { DeathListener } from './death-listener.ts';
import type { Groups } from './groups.ts';
import type { Ledger } from './ledger.ts';
import type { Overdue } from './overdue.ts';
import type { Partitions } from './partitions.ts';
import type { Queues } from './queues.ts';
import type { Schemas } from './schemas.ts';
import type { Takings } from './takings.ts';
import type { Upkeep } from './upkeep.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

export interface BrokerOptions {
  /** Where everything is kept; made if missing. One process at a time. */
  readonly directory: string;
  /** How long a confirm waits: for the device (default), for the operating system, not at all. */
  readonly durability?: Durability;
  /** Largest message with its properties, bytes. Default 16 MiB; at most 32 MiB. */
  readonly messageBytesMax?: number;
  readonly blockBytesMax?: number;
  readonly segmentBytes?: number;
  readonly cacheBytes?: number;
  readonly logSegmentBytes?: number;
  readonly upkeep?: Partial<UpkeepOptions>;
  /** Languages that doors bring, beside the neutral one. */
  readonly languages?: readonly Language[];
  /** Hears of messages that were dead-lettered, once that is safe. */
  readonly onDeath?: DeathListener;
  /** Called once when a disk error has ended everything; the process should exit. */
  readonly onFailure?: (error: Error) => void;
}

/** The embedded broker: an Engine, and what tests and tools may ask of it besides. */
export interface Broker extends Engine {
  /** A checkpoint now. */
  checkpoint(): Promise<void>;
  /** The whole durable state as text: equal states, equal digests. Walks everything. */
  digest(): string;
  /** True when nothing is under way that needs no event from outside. */
  readonly idle: boolean;
}

/** What the parts of a broker share. */
export interface House {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly takings: Takings;
  readonly partitions: Partitions;
  readonly groups: Groups;
  readonly schemas: Schemas;
  readonly rules: Rules;
  readonly upkeep: Upkeep;
  readonly overdue: Overdue;
  readonly durable: boolean;
  close(): Promise<void>;
}
