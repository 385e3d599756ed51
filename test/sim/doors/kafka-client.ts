/** A connection to the Kafka door without sockets: asks in bytes, and hears answers or that the connection is gone. */

import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import type { Door } from '../../../src/servers/kafka/door.ts';
import { FetchSessions } from '../../../src/servers/kafka/fetch-sessions.ts';
import { Login } from '../../../src/servers/kafka/login.ts';
import { Peer } from '../../../src/servers/kafka/peer.ts';
import { Session } from '../../../src/servers/kafka/session.ts';
import { type Api, encodeRequest, FrameCutter, type ResponseOf, readResponse } from '../../../src/wire/kafka/kafka.ts';
import { Cable } from './cable.ts';
import type { KafkaLedger } from './kafka-ledger.ts';
import type { Life } from './stage.ts';

const UNREAD_MAX = 40_000;

interface Waiting {
  readonly api: Api;
  readonly version: number;
  readonly resolve: (answer: unknown) => void;
}

export class KafkaClient {
  readonly life: Life;
  readonly session: Session;
  readonly #cable: Cable;
  readonly #random: SimRandom;
  readonly #waiting = new Map<number, Waiting>();
  readonly #trace: ((line: string) => void) | undefined;
  readonly #number: number;
  readonly #ledger: KafkaLedger;
  #next = 1;
  #alive = true;

  constructor(door: Door, life: Life, ledger: KafkaLedger, number: number, gone: (client: KafkaClient) => void) {
    this.life = life;
    this.#number = number;
    this.#ledger = ledger;
    this.#trace = ledger.trace;
    this.#random = life.machine.random;
    const cutter = new FrameCutter(1 << 24, (frame) => this.#answered(frame));
    this.#cable = new Cable(life.machine.clock, this.#random, {
      heard: (bytes) => cutter.push(new Uint8Array(bytes)),
      gone: () => {
        this.#letGo();
        gone(this);
      },
    });
    const cable = this.#cable;
    this.session = new Session(door, new Peer('127.0.0.1', 9092, '127.0.0.1', new FetchSessions(), new Login({})), {
      send: (frames: readonly Uint8Array[]) => {
        for (const frame of frames) cable.answer(frame);
      },
      room: () => (cable.unreadBytes > UNREAD_MAX ? new Promise((resolve) => cable.whenRead(resolve)) : Promise.resolve()),
      pause: () => cable.hold(),
      resume: () => cable.release(),
      close: (why) => {
        ledger.trace?.(`the door ends a connection: ${why}`);
        if (!/door closes|as its request asks/.test(why)) ledger.fault('sent away', why);
        cable.endByServer();
      },
    });
    cable.attach({ heard: (bytes) => this.session.receive(new Uint8Array(bytes)), gone: () => this.session.end() });
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  /** The disk has failed or is full: the door may then say no. */
  get mayBeRefused(): boolean {
    return this.life.failed() || this.life.machine.disk.struck > 0 || this.life.isTight;
  }

  /** Undefined: the connection went before the answer came. The version is drawn. */
  ask<A extends Api>(api: A, request: unknown): Promise<ResponseOf<A> | undefined> {
    if (!this.#alive) return Promise.resolve(undefined);
    const [from, to] = VERSIONS[api.name] ?? api.versions;
    const version = from + this.#random.int(to - from + 1);
    const correlation = this.#next++;
    const asked = new Promise<unknown>((resolve) => this.#waiting.set(correlation, { api, version, resolve }));
    this.#cable.say(Buffer.from(encodeRequest(api, version, correlation, 'sim', request)));
    return asked as Promise<ResponseOf<A> | undefined>;
  }

  /** Says it and does not wait: there is no answer to acks 0. */
  tell<A extends Api>(api: A, version: number, request: unknown): void {
    if (this.#alive) this.#cable.say(Buffer.from(encodeRequest(api, version, this.#next++, 'sim', request)));
  }

  #answered(frame: Uint8Array): void {
    const correlation = new DataView(frame.buffer, frame.byteOffset).getInt32(0);
    const waiting = this.#waiting.get(correlation);
    const first = this.#waiting.keys().next().value;
    if (first !== correlation) this.#ledger.fault('answers', `${correlation} was answered before ${first}`);
    this.#waiting.delete(correlation);
    if (waiting === undefined) return;
    const { body } = readResponse(frame, waiting.api, waiting.version);
    this.#trace?.(`client ${this.#number}: ${waiting.api.name} ${waiting.version}: ${JSON.stringify(body).slice(0, 200)}`);
    waiting.resolve(body);
  }

  drop(): void {
    this.#cable.drop();
    this.#letGo();
  }

  die(): void {
    this.#cable.die();
  }

  #letGo(): void {
    this.#alive = false;
    for (const { resolve } of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}

/** Where not all are asked in: names instead of ids, and ends of transactions that do not begin the next. */
const VERSIONS: Readonly<Record<string, readonly [number, number]>> = {
  Produce: [3, 11],
  Fetch: [4, 12],
  InitProducerId: [0, 4],
  EndTxn: [0, 3],
  TxnOffsetCommit: [0, 3],
  AddOffsetsToTxn: [0, 3],
  OffsetCommit: [2, 9],
  OffsetFetch: [7, 7],
  JoinGroup: [2, 7],
  LeaveGroup: [3, 4],
};
