/** How a connection begins: who comes, what is agreed on, and which virtual host it is for. */

import type { Engine } from '../../model/engine.ts';
import type { Headers } from '../../model/message.ts';
import { type Args, idOf, type Method } from '../../wire/amqp/amqp.ts';
import type { Door, Greeted, Peer } from './door.ts';
import { AmqpFault } from './faults.ts';
import { FRAME_MIN } from './limits.ts';
import { entry, isOwn, type Login, logIn, mechanismsFor } from './login.ts';
import { serverProperties } from './server-properties.ts';

const OPEN = idOf('connection.open');
/** A client that was refused at login is let wait, so that guessing is slow. */
const REFUSED_MS = 200;

/** The session as its opening sees it. */
export interface Opened {
  say<M extends Method['name']>(name: M, args: Args<M>): void;
  /** What goes wrong later, and when the answer may wait. */
  wrong(error: unknown, id: number): void;
  fail(fault: AmqpFault, id: number): void;
  finish(): void;
  /** Frame size, channels and signs of life are agreed on. */
  tuned(frameMax: number, channelMax: number, heartbeatMs: number): void;
  /** It may begin. */
  begin(vhost: string, engine: Engine, house: Engine): void;
}

export class Opening implements Greeted {
  readonly #door: Door;
  readonly #peer: Peer;
  readonly #session: Opened;
  #step: 'login' | 'deciding' | 'tuning' | 'opening' | 'done' = 'login';
  #login: Login | undefined;
  #hearsRefusal = false;
  hearsCancels = false;
  hearsBlocked = false;
  /** What the client said of itself, and what was agreed on. */
  clientProperties: Headers = new Map();
  mechanism = '';
  readonly connectedAtMs: number;
  frameMax = 0;
  channelMax = 0;
  heartbeatMs = 0;
  #cancel: (() => void) | undefined;

  constructor(door: Door, peer: Peer, session: Opened) {
    this.#door = door;
    this.#peer = peer;
    this.#session = session;
    this.connectedAtMs = door.engine.nowMs();
  }

  /** Who is at the other end. */
  get peer(): Peer {
    return this.#peer;
  }

  get user(): string {
    return this.#login?.user ?? '';
  }

  /** The client has said which protocol it speaks. */
  start(): void {
    this.#session.say('connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: serverProperties(),
      mechanisms: Buffer.from(mechanismsFor(this.#peer)),
      locales: Buffer.from('en_US'),
    });
  }

  /** A method of the connection that is not about its end. Throws `AmqpFault`. */
  take(method: Method): void {
    const { name } = method;
    if (name === 'connection.start-ok' && this.#step === 'login') return this.#decide(this.#letIn(method.args));
    if (name === 'connection.tune-ok' && this.#step === 'tuning') return this.#tuned(method.args);
    if (name === 'connection.open' && this.#step === 'opening') return this.#opened(method.args);
    if (name === 'connection.update-secret' && this.#step === 'done') return this.#decide(this.#updateSecret(method.args));
    throw new AmqpFault(503, `unexpected method ${name}`, 'connection');
  }

  /** `id`: the method that it is about. */
  #decide(deciding: Promise<void>, id = 0): void {
    deciding.catch((error: unknown) => this.#session.wrong(error, id));
  }

  async #letIn({ clientProperties, mechanism, response }: Args<'connection.start-ok'>): Promise<void> {
    this.#step = 'deciding';
    this.clientProperties = clientProperties;
    this.mechanism = mechanism;
    const capabilities = clientProperties.get('capabilities');
    const can = (what: string): boolean => capabilities instanceof Map && capabilities.get(what) === true;
    this.hearsCancels = can('consumer_cancel_notify');
    this.hearsBlocked = can('connection.blocked');
    this.#hearsRefusal = can('authentication_failure_close');
    const login = await logIn(this.#door, this.#peer, mechanism, response);
    if (login === undefined) {
      this.#cancel = this.#door.machine.clock.after(REFUSED_MS, () => this.#refuse(mechanism));
      return;
    }
    this.#login = login;
    this.#step = 'tuning';
    const { channelMax, frameMax, heartbeatMs } = this.#door.limits;
    this.#session.say('connection.tune', { channelMax, frameMax, heartbeat: Math.round(heartbeatMs / 1000) });
  }

  #refuse(mechanism: string): void {
    if (!this.#hearsRefusal) {
      this.#session.finish();
      return;
    }
    const text = `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`;
    this.#session.fail(new AmqpFault(403, text, 'connection'), 0);
  }

  #tuned({ channelMax, frameMax, heartbeat }: Args<'connection.tune-ok'>): void {
    const { limits } = this.#door;
    const wanted = frameMax === 0 ? limits.frameMax : frameMax;
    if (wanted < FRAME_MIN || wanted > limits.frameMax)
      throw new AmqpFault(530, `negotiated frame_max = ${frameMax} is not between ${FRAME_MIN} and ${limits.frameMax}`, 'connection');
    if (channelMax > limits.channelMax) {
      const text = `negotiated channel_max = ${channelMax} is higher than the maximum allowed value (${limits.channelMax})`;
      throw new AmqpFault(530, text, 'connection');
    }
    this.#step = 'opening';
    this.frameMax = wanted;
    this.channelMax = channelMax === 0 ? limits.channelMax : channelMax;
    this.heartbeatMs = heartbeat * 1000;
    this.#session.tuned(this.frameMax, this.channelMax, this.heartbeatMs);
  }

  #opened({ virtualHost }: Args<'connection.open'>): void {
    const login = this.#login;
    // At once where that can be: some clients speak of a channel before they have heard that it is open.
    if (login !== undefined && isOwn(login, virtualHost)) this.#begin(login, virtualHost);
    else if (login !== undefined) this.#decide(this.#enter(login, virtualHost), OPEN);
  }

  async #enter(login: Login, virtualHost: string): Promise<void> {
    this.#step = 'deciding';
    const answer = await entry(this.#door, login, virtualHost);
    if (answer === 'unknown') throw new AmqpFault(530, `vhost ${virtualHost} not found`, 'connection');
    if (answer === 'refused') throw new AmqpFault(530, `access to vhost '${virtualHost}' refused for user '${login.user}'`, 'connection');
    this.#begin(login, virtualHost);
  }

  #begin(login: Login, virtualHost: string): void {
    const house = this.#door.engine.as({ tenant: virtualHost });
    const engine = login.principal === undefined ? house : this.#door.engine.as({ ...login.principal, tenant: virtualHost });
    this.#step = 'done';
    this.#session.begin(virtualHost, engine, house);
  }

  /** A new secret for the same user: tokens that run out are renewed so. */
  async #updateSecret({ newSecret }: Args<'connection.update-secret'>): Promise<void> {
    if (this.#login?.principal !== undefined) {
      const known = await this.#door.engine.authenticate('password', this.user, new TextDecoder().decode(newSecret));
      if (known === undefined) throw new AmqpFault(530, 'New secret was refused by one of the backends', 'connection');
    }
    this.#session.say('connection.update-secret-ok', {});
  }

  stop(): void {
    this.#cancel?.();
  }
}
