/** A member of a classic group: what it said when it joined, and the request it waits in. */

export interface Protocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** What a member says when it joins. */
export interface JoinAsk {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly protocolType: string;
  readonly protocols: readonly Protocol[];
  /** The client can come again under an id that it is told of first [KIP-394]. */
  readonly knowsIds: boolean;
  /** The client can be told not to share out anew [KIP-814]. */
  readonly canSkip: boolean;
}

export interface Joined {
  readonly errorCode: number;
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** For the leader only. */
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null; readonly metadata: Uint8Array }[];
}

export interface Synced {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export class Member {
  readonly id: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionMs: number;
  rebalanceMs: number;
  protocols: readonly Protocol[];
  assignment: Uint8Array = new Uint8Array(0);
  /** Answers its JoinGroup. */
  joining: ((joined: Joined) => void) | undefined;
  /** Answers its SyncGroup. */
  syncing: ((synced: Synced) => void) | undefined;
  /** Ends the wait for its next sign of life. */
  stopTimer: (() => void) | undefined;

  constructor(id: string, ask: JoinAsk) {
    this.id = id;
    this.instanceId = ask.instanceId;
    this.clientId = ask.clientId;
    this.clientHost = ask.clientHost;
    this.sessionMs = ask.sessionMs;
    this.rebalanceMs = ask.rebalanceMs;
    this.protocols = ask.protocols;
  }

  update(ask: JoinAsk): void {
    this.clientId = ask.clientId;
    this.clientHost = ask.clientHost;
    this.sessionMs = ask.sessionMs;
    this.rebalanceMs = ask.rebalanceMs;
    this.protocols = ask.protocols;
  }

  /** Whether it says just what it said before. */
  says(protocols: readonly Protocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(
        ({ name, metadata }, i) => name === this.protocols[i]?.name && Buffer.compare(metadata, this.protocols[i].metadata) === 0,
      )
    );
  }

  metadataFor(protocol: string | null): Uint8Array {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? new Uint8Array(0);
  }
}
