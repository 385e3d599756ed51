/**
 * Publishes the frames of one WebSocket: all that came in one turn, or while the last were on their way to the disk, go as one batch for
 * each destination, so a client that sends message by message is not slow; every frame still has its own answer, and their order holds.
 */

import type { Engine, Publish } from '../../model/engine.ts';
import { MAIN_LINE } from '../../model/message.ts';
import { Batch, type PublishedAnswer, type PublishFrame, Tally } from '../../wire/http/http.ts';
import type { Door } from './door.ts';

export interface FrameAnswers {
  published(frame: PublishFrame, answer: PublishedAnswer): void;
  failed(frame: PublishFrame, error: unknown): void;
}

export class FramePublisher {
  readonly #engine: Engine;
  readonly #door: Door;
  readonly #answers: FrameAnswers;
  readonly #sizes = new Map<PublishFrame, number>();
  #waiting: PublishFrame[] = [];
  #bytes = 0;
  #busy = false;

  constructor(engine: Engine, door: Door, answers: FrameAnswers) {
    this.#engine = engine;
    this.#door = door;
    this.#answers = answers;
  }

  /** Frames taken and not yet answered. */
  get unanswered(): number {
    return this.#sizes.size;
  }

  /** Their bytes. */
  get unansweredBytes(): number {
    return this.#bytes;
  }

  take(frame: PublishFrame, sizeBytes: number): void {
    this.#waiting.push(frame);
    this.#sizes.set(frame, sizeBytes);
    this.#bytes += sizeBytes;
    if (this.#busy) return;
    this.#busy = true;
    this.#door.machine.clock.soon(() => void this.#work());
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const frames = this.#waiting;
      this.#waiting = [];
      await Promise.all([...byDestination(frames).values()].map((alike) => this.#publishAlike(alike)));
    }
    this.#busy = false;
  }

  /** A refused batch left nothing behind; its frames are tried one by one, so that one bad message does not take the others with it. */
  async #publishAlike(frames: readonly PublishFrame[]): Promise<void> {
    try {
      await this.#publish(frames);
    } catch (error) {
      const [first] = frames;
      if (frames.length > 1) for (const frame of frames) await this.#publishAlike([frame]);
      else if (first !== undefined) {
        this.#answered(first);
        this.#answers.failed(first, error);
      }
    }
  }

  async #publish(frames: readonly PublishFrame[]): Promise<void> {
    const [first] = frames;
    if (first === undefined) return;
    if (this.#engine.pressed) await this.#engine.relief();
    const { exchange = MAIN_LINE, address, mandatory, retain, transient } = first;
    const batch = new Batch();
    const nowMs = this.#engine.nowMs();
    for (const { drafts } of frames) for (const draft of drafts) batch.add(draft, { exchange, address }, nowMs);
    const { count } = batch;
    const publish: Publish = { exchange, address, ...batch.take(), mandatory, retain, transient };
    const published = count === 0 ? { routed: 0 } : await this.#engine.publish(publish);
    this.#door.figures.published += count;
    let at = 0;
    for (const frame of frames) {
      const tally = new Tally();
      tally.add(published, at, at + frame.drafts.length);
      at += frame.drafts.length;
      this.#answered(frame);
      this.#answers.published(frame, tally.answer());
    }
  }

  #answered(frame: PublishFrame): void {
    this.#bytes -= this.#sizes.get(frame) ?? 0;
    this.#sizes.delete(frame);
  }
}

/** Frames of the same destination and promises, in order. */
function byDestination(frames: readonly PublishFrame[]): Map<string, PublishFrame[]> {
  const groups = new Map<string, PublishFrame[]>();
  for (const frame of frames) {
    const { exchange = MAIN_LINE, address, mandatory, retain, transient } = frame;
    const key = JSON.stringify([exchange, address, mandatory, retain, transient]);
    const alike = groups.get(key);
    if (alike === undefined) groups.set(key, [frame]);
    else alike.push(frame);
  }
  return groups;
}
