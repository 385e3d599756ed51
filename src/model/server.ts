/** The Server port: a door that is open. Each door's `start…` function resolves with one. */

export interface Server {
  /** The door's name as the command line knows it: `http`, `kafka` … */
  readonly name: string;
  /** The TCP port it listens on. */
  readonly port: number;
  /** All it listens on, by the names of the command line (`kafka`, `kafkas`), where that is more than one, or another than its own. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Takes nothing new, finishes what is under way within the door's limit, and ends what is left. Safe to call twice. */
  close(): Promise<void>;
}
