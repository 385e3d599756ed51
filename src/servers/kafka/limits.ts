/** What the Kafka door holds its clients to. Sizes in bytes, times in milliseconds. */

import { SOCKET_LIMITS, type SocketLimits } from '../connection.ts';
import type { TransactionLimits } from './transactions/transactions.ts';

export interface KafkaLimits extends SocketLimits, TransactionLimits {
  /** A frame of somebody who has not said yet who they are. */
  readonly strangerBytesMax: number;
  readonly frameBytesMax: number;
  /** Requests of one connection that wait for their turn or their answer; beyond that nothing more is read. */
  readonly pendingMax: number;
  readonly pendingBytesMax: number;
  /** One answer to Fetch, however much was asked for. */
  readonly fetchBytesMax: number;
  /** How long a Fetch may wait. */
  readonly fetchWaitMs: number;
  readonly fetchSessionsMax: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  readonly groupMembersMax: number;
  /** How long each of the first members of a group waits for the next to come. */
  readonly groupFormingMs: number;
  /** Of the newer protocol: how often members are to be heard, and how long one may be silent. */
  readonly groupHeartbeatMs: number;
  readonly groupSessionMs: number;
  /** From the connection's first moment until the client has said who it is. */
  readonly authenticationMs: number;
  /** How long a login holds before it has to be made anew [KIP-368]; 0: as long as the connection. */
  readonly reauthenticateMs: number;
  /** How long offsets of a group are kept that has no members and keeps none. */
  readonly offsetsRetentionMs: number;
  /** How often it is looked for such. */
  readonly offsetsCheckMs: number;
  /** Failed logins of one address in a minute. */
  readonly attemptsMax: number;
}

export const KAFKA_LIMITS: KafkaLimits = {
  ...SOCKET_LIMITS,
  outgoingBytesMax: 4 * 1024 * 1024,
  strangerBytesMax: 64 * 1024,
  frameBytesMax: 32 * 1024 * 1024,
  pendingMax: 64,
  pendingBytesMax: 64 * 1024 * 1024,
  fetchBytesMax: 50 * 1024 * 1024,
  fetchWaitMs: 60_000,
  fetchSessionsMax: 1000,
  sessionTimeoutMinMs: 10,
  sessionTimeoutMaxMs: 1_800_000,
  groupMembersMax: 10_000,
  groupFormingMs: 10,
  groupHeartbeatMs: 2000,
  groupSessionMs: 45_000,
  transactionMs: 900_000,
  transactionBytesMax: 16 * 1024 * 1024,
  transactionsBytesMax: 256 * 1024 * 1024,
  authenticationMs: 30_000,
  reauthenticateMs: 0,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
  offsetsCheckMs: 600_000,
  attemptsMax: 20,
};
