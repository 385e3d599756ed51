/** The door of this room: AMQP 0-9-1 as bytes, without sockets or memory. */

export { REPLY_NAMES, type ReplyCode } from './codes.ts';
export { decodeMethod, encodeMethod } from './encode.ts';
export { WireFault } from './fault.ts';
export { FRAME, FRAME_END, FRAME_EXTRA, FrameReader, type FrameSink } from './frame-reader.ts';
export { type Args, idOf, METHODS, type Method, type MethodName, nameOf } from './methods.ts';
export { ChunkPool, CONTENT_HEAD, type Content, Output } from './output.ts';
export {
  ACTED_ON,
  type Changes,
  changeProperties,
  keptHeaders,
  NO_PROPERTIES,
  PROPERTIES,
  PropertyScan,
  type TextProperty,
} from './properties.ts';
export { AMQP_LANGUAGE, KEY_HEADER, keyBytes, namesOf, propertiesOf, RecordScan, TIME_BYTES } from './record.ts';
export { BatchPool, RecordBatch } from './record-batch.ts';
export { decodeEntries, letter, letterOf, readTable, writeEntry, writeLongEntry, writeTable, writeTimestampEntry } from './table.ts';
