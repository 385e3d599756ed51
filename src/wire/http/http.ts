/** The door of this room: HTTP's codecs, bytes and text to messages and back, without sockets or memory. */

export { Batch, type Destination, Lines, type TakenBatch } from './batch.ts';
export { decodeBatch, decodeBinary, decodeStructured, encodeStructured } from './cloudevents.ts';
export { type Draft, decodeDraft, PARTITION_MAX, PRIORITY_MAX, type Properties } from './draft.ts';
export { CREDIT_MAX, decodeFrame } from './frame-reader.ts';
export {
  type ClientFrame,
  type ExtendFrame,
  encodeFrame,
  encodeMessagesFrame,
  FrameFault,
  type MoveFrame,
  type PublishFrame,
  type Ref,
  type SettleFrame,
  type SubscribeFrame,
  type SubscribeGroup,
  type SubscribePattern,
  type SubscribeQueue,
  type SubscribeTopic,
  WEBSOCKET_PROTOCOL,
  WEBSOCKET_TOKEN_PREFIX,
} from './frames.ts';
export { checkJson, findJsonFault, JSON_DEPTH_MAX, memberBytes, parseJson, spansOf, textOf } from './json.ts';
export { accepts, type BodyForm, bodyForm, essence, isJsonType, MEDIA } from './media.ts';
export { encodeMessage } from './message.ts';
export { LineReader } from './ndjson.ts';
export { decodePositions, encodePositions } from './positions.ts';
export { type DoorCode, encodeProblem, isPassing, type Problem, STATUS_OF, STATUS_OF_DOOR, titleOf } from './problem.ts';
export { encodeMetrics, type Family, metricName, type Sample } from './prometheus.ts';
export { type PublishedAnswer, Tally } from './published.ts';
export { decodeReceipt, encodeReceipt, type Receipt, runsByLease } from './receipt.ts';
export { checkInteger, parseChoice, parseDuration, parseFlag, parseInteger, parseTime, quoted } from './scalars.ts';
export { SSE_HEARTBEAT, sseEvent, sseOpening } from './sse.ts';
export { type Cursor, decodeTransaction, type MoveStep, type PublishStep, type SettleStep, STEPS_MAX, type Step } from './transaction.ts';
