/** What a client hears when it asks for what cannot be: the same, word by word, as from the server it was written for. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Channel, ConfirmChannel, GetMessage } from 'amqplib';
import { connect } from 'amqplib';
import { connected, REFERENCE, subject } from './subject.ts';

interface Case {
  readonly name: string;
  readonly do: (ch: Channel) => unknown;
  /** `channel` or `connection`, code, text; `ok` when it is no fault. */
  readonly said: string;
  /** Where ours is another on purpose: what the reference says. */
  readonly reference?: string;
}

const q = 'mis-q';
const x = 'mis-x';
const x2 = 'mis-x2';
const excl = 'mis-excl';

/** A message that the channel was never given, or a tag by itself. */
const tagged = (deliveryTag: number): GetMessage => ({ fields: { deliveryTag } }) as GetMessage;

const CASES: readonly Case[] = [
  { name: 'passive queue', do: (ch) => ch.checkQueue('nope'), said: `channel 404 NOT_FOUND - no queue 'nope' in vhost '/'` },
  { name: 'passive queue empty', do: (ch) => ch.checkQueue(''), said: `channel 404 NOT_FOUND - no queue '' in vhost '/'` },
  { name: 'passive exchange', do: (ch) => ch.checkExchange('nope'), said: `channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'` },
  { name: 'consume missing', do: (ch) => ch.consume('nope', () => {}), said: `channel 404 NOT_FOUND - no queue 'nope' in vhost '/'` },
  { name: 'get missing', do: (ch) => ch.get('nope'), said: `channel 404 NOT_FOUND - no queue 'nope' in vhost '/'` },
  { name: 'purge missing', do: (ch) => ch.purgeQueue('nope'), said: `channel 404 NOT_FOUND - no queue 'nope' in vhost '/'` },
  { name: 'bind missing q', do: (ch) => ch.bindQueue('nope', x, 'a'), said: `channel 404 NOT_FOUND - no queue 'nope' in vhost '/'` },
  { name: 'bind missing x', do: (ch) => ch.bindQueue(q, 'nope', 'a'), said: `channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'` },
  {
    name: 'bind default x',
    do: (ch) => ch.bindQueue(q, '', 'a'),
    said: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange',
  },
  {
    name: 'unbind default x',
    do: (ch) => ch.unbindQueue(q, '', 'a'),
    said: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange',
  },
  {
    name: 'publish missing x',
    do: (ch) => ch.publish('nope', 'a', Buffer.from('x')),
    said: `channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'`,
  },
  {
    name: 'publish internal',
    do: (ch) => ch.publish(x2, 'a', Buffer.from('x')),
    said: `channel 403 ACCESS_REFUSED - cannot publish to internal exchange 'mis-x2' in vhost '/'`,
  },
  {
    name: 'declare amq queue',
    do: (ch) => ch.assertQueue('amq.mine'),
    said: `channel 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'`,
  },
  {
    name: 'declare amq exchange',
    do: (ch) => ch.assertExchange('amq.mine', 'direct'),
    said: `channel 403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'`,
  },
  {
    name: 'redeclare amq.topic',
    do: (ch) => ch.assertExchange('amq.topic', 'direct'),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.topic' in vhost '/': received 'direct' but current is 'topic'`,
  },
  {
    name: 'declare default exchange',
    do: (ch) => ch.assertExchange('', 'direct'),
    said: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange',
  },
  {
    name: 'delete amq.direct',
    do: (ch) => ch.deleteExchange('amq.direct'),
    said: `channel 403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed`,
  },
  {
    name: 'delete default',
    do: (ch) => ch.deleteExchange(''),
    said: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange',
  },
  {
    name: 'x durable differs',
    do: (ch) => ch.assertExchange(x, 'direct', { durable: false }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'mis-x' in vhost '/': received 'false' but current is 'true'`,
  },
  {
    name: 'x type differs',
    do: (ch) => ch.assertExchange(x, 'topic'),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'mis-x' in vhost '/': received 'topic' but current is 'direct'`,
  },
  {
    name: 'x autodelete differs',
    do: (ch) => ch.assertExchange(x, 'direct', { autoDelete: true }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'mis-x' in vhost '/': received 'true' but current is 'false'`,
  },
  {
    name: 'x internal differs',
    do: (ch) => ch.assertExchange(x, 'direct', { internal: true }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'mis-x' in vhost '/': received 'true' but current is 'false'`,
  },
  {
    name: 'x alternate differs',
    do: (ch) => ch.assertExchange(x, 'direct', { alternateExchange: 'other' }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'mis-x' in vhost '/': received the value 'other' of type 'longstr' but current is none`,
  },
  {
    name: 'x unknown type',
    do: (ch) => ch.assertExchange('mis-new', 'nonsense'),
    said: `channel 406 PRECONDITION_FAILED - unknown exchange type 'nonsense'`,
    reference: `connection 503 COMMAND_INVALID - unknown exchange type 'nonsense'`,
  },
  {
    name: 'x alternate not string',
    do: (ch) => ch.assertExchange('mis-new', 'direct', { arguments: { 'alternate-exchange': 5 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid type 'byte' for arg 'alternate-exchange' in exchange 'mis-new' in vhost '/'`,
  },
  {
    name: 'q durable differs',
    do: (ch) => ch.assertQueue(q, { durable: false }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'mis-q' in vhost '/': received 'false' but current is 'true'`,
  },
  {
    name: 'q autodelete differs',
    do: (ch) => ch.assertQueue(q, { autoDelete: true }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'mis-q' in vhost '/': received 'true' but current is 'false'`,
  },
  {
    name: 'q exclusive differs',
    do: (ch) => ch.assertQueue(q, { exclusive: true }),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'q ttl differs none',
    do: (ch) => ch.assertQueue(q, { messageTtl: 1000 }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'mis-q' in vhost '/': received the value '1000' of type 'short' but current is none`,
  },
  {
    name: 'q ttl differs',
    do: (ch) => ch.assertQueue('mis-ttl', { messageTtl: 2000 }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'mis-ttl' in vhost '/': received '2000' but current is '1000'`,
  },
  {
    name: 'q ttl received none',
    do: (ch) => ch.assertQueue('mis-ttl', {}),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'mis-ttl' in vhost '/': received none but current is the value '1000' of type 'short'`,
  },
  {
    name: 'q dlx differs',
    do: (ch) => ch.assertQueue(q, { deadLetterExchange: 'a' }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'mis-q' in vhost '/': received the value 'a' of type 'longstr' but current is none`,
  },
  {
    name: 'q maxlen differs',
    do: (ch) => ch.assertQueue(q, { maxLength: 3 }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'mis-q' in vhost '/': received the value '3' of type 'byte' but current is none`,
  },
  {
    name: 'q prio differs',
    do: (ch) => ch.assertQueue(q, { maxPriority: 3 }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'mis-q' in vhost '/': received the value '3' of type 'byte' but current is none`,
  },
  {
    name: 'q type differs',
    do: (ch) => ch.assertQueue(q, { arguments: { 'x-queue-type': 'quorum' } }),
    said: `channel 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'mis-q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none`,
  },
  { name: 'q unknown arg differs', do: (ch) => ch.assertQueue(q, { arguments: { 'x-whatever': 'quorum' } }), said: 'ok' },
  {
    name: 'q ttl negative',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-message-ttl': -1 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'mis-new' in vhost '/': {value_negative,-1}`,
  },
  {
    name: 'q ttl string',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-message-ttl': 'a' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'mis-new' in vhost '/': "expected integer, got longstr"`,
  },
  { name: 'q ttl huge', do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-message-ttl': 5e9 } }), said: 'ok' },
  {
    name: 'q expires 0',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-expires': 0 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'mis-new' in vhost '/': {value_zero,0}`,
  },
  {
    name: 'q prio 256',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-max-priority': 256 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'mis-new' in vhost '/': {max_value_exceeded,256}`,
  },
  {
    name: 'q prio -1',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-max-priority': -1 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'mis-new' in vhost '/': {value_negative,-1}`,
  },
  {
    name: 'q maxlen bad',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-max-length': -5 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'mis-new' in vhost '/': {value_negative,-5}`,
  },
  {
    name: 'q maxlen float',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-max-length': 1.5 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'mis-new' in vhost '/': "expected integer, got double"`,
  },
  {
    name: 'q overflow bad',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-overflow': 'bad' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'mis-new' in vhost '/': invalid_overflow`,
  },
  {
    name: 'q overflow type',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-overflow': 5 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'mis-new' in vhost '/': {unacceptable_type,byte}`,
  },
  {
    name: 'q type bad',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-queue-type': 'bad' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'mis-new' in vhost '/': "unsupported queue type 'bad'"`,
  },
  {
    name: 'q mode bad',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-queue-mode': 'bad' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'mis-new' in vhost '/': "unsupported queue mode 'bad'"`,
  },
  {
    name: 'q sac bad',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-single-active-consumer': 'bad' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-single-active-consumer' for queue 'mis-new' in vhost '/': {unacceptable_type,longstr}`,
  },
  {
    name: 'q dlrk no dlx',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-dead-letter-routing-key': 'a' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'mis-new' in vhost '/': routing_key_but_no_dlx_defined`,
  },
  {
    name: 'q dlx not string',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-dead-letter-exchange': 5 } }),
    said: `channel 406 PRECONDITION_FAILED - invalid type 'byte' for arg 'x-dead-letter-exchange' in queue 'mis-new' in vhost '/'`,
  },
  {
    name: 'quorum nondurable',
    do: (ch) => ch.assertQueue('mis-new', { durable: false, arguments: { 'x-queue-type': 'quorum' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid property 'non-durable' for queue 'mis-new' in vhost '/'`,
  },
  {
    name: 'quorum exclusive',
    do: (ch) => ch.assertQueue('mis-new', { exclusive: true, arguments: { 'x-queue-type': 'quorum' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'mis-new' in vhost '/'`,
  },
  {
    name: 'quorum autodelete',
    do: (ch) => ch.assertQueue('mis-new', { autoDelete: true, arguments: { 'x-queue-type': 'quorum' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid property 'auto-delete' for queue 'mis-new' in vhost '/'`,
  },
  {
    name: 'stream exclusive',
    do: (ch) => ch.assertQueue('mis-new', { exclusive: true, arguments: { 'x-queue-type': 'stream' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'mis-new' in vhost '/'`,
  },
  {
    name: 'stream bad age',
    do: (ch) => ch.assertQueue('mis-new', { arguments: { 'x-queue-type': 'stream', 'x-max-age': 'bad' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'mis-new' in vhost '/': invalid_max_age`,
    reference: 'connection 541 INTERNAL_ERROR',
  },
  {
    name: 'stream consume no qos',
    do: (ch) => ch.consume('mis-stream', () => {}),
    said: `channel 406 PRECONDITION_FAILED - consumer prefetch count is not set for 'queue 'mis-stream' in vhost '/''`,
  },
  {
    name: 'stream get',
    do: (ch) => ch.get('mis-stream'),
    said: `connection 540 NOT_IMPLEMENTED - basic.get not supported by stream queues queue 'mis-stream' in vhost '/'`,
  },
  {
    name: 'stream noack',
    do: async (ch) => {
      await ch.prefetch(5);
      await ch.consume('mis-stream', () => {}, { noAck: true });
    },
    said: `connection 540 NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues queue 'mis-stream' in vhost '/'`,
  },
  {
    name: 'stream purge',
    do: (ch) => ch.purgeQueue('mis-stream'),
    said: `connection 540 NOT_IMPLEMENTED - queue.purge not supported by stream queues queue 'mis-stream' in vhost '/'`,
  },
  {
    name: 'delete if unused',
    do: async (ch) => {
      await ch.consume(q, () => {});
      await ch.deleteQueue(q, { ifUnused: true });
    },
    said: `channel 406 PRECONDITION_FAILED - queue 'mis-q' in vhost '/' in use`,
  },
  {
    name: 'delete if empty',
    do: (ch) => ch.deleteQueue('mis-full', { ifEmpty: true }),
    said: `channel 406 PRECONDITION_FAILED - queue 'mis-full' in vhost '/' not empty`,
  },
  {
    name: 'delete x if unused',
    do: (ch) => ch.deleteExchange(x, { ifUnused: true }),
    said: `channel 406 PRECONDITION_FAILED - exchange 'mis-x' in vhost '/' in use`,
  },
  { name: 'unknown tag', do: (ch) => ch.ack(tagged(99)), said: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 99' },
  { name: 'unknown tag multiple', do: (ch) => ch.ack(tagged(99), true), said: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 99' },
  {
    name: 'repeated tag',
    do: async (ch) => {
      const m = (await ch.get('mis-full')) as GetMessage;
      ch.nack(m);
      ch.nack(m);
    },
    said: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 1',
  },
  { name: 'nack 0 single', do: (ch) => ch.nack(tagged(0), false), said: 'channel 406 PRECONDITION_FAILED - unknown delivery tag 0' },
  {
    name: 'bad expiration',
    do: (ch) => ch.publish('', q, Buffer.from('x'), { expiration: 'abc' }),
    said: `channel 406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer`,
  },
  {
    name: 'neg expiration',
    do: (ch) => ch.publish('', q, Buffer.from('x'), { expiration: '-1' }),
    said: `channel 406 PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}`,
  },
  { name: 'huge expiration', do: (ch) => ch.publish('', q, Buffer.from('x'), { expiration: '99999999999' }), said: 'ok' },
  {
    name: 'user id',
    do: (ch) => ch.publish('', q, Buffer.from('x'), { userId: 'somebody' }),
    said: `channel 406 PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'`,
  },
  {
    name: 'cc not array',
    do: (ch) => ch.publish('', q, Buffer.from('x'), { headers: { CC: 'a' } }),
    said: 'channel 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}',
  },
  { name: 'cc not strings', do: (ch) => ch.publish('', q, Buffer.from('x'), { headers: { CC: [5] } }), said: 'ok' },
  {
    name: 'bcc not array',
    do: (ch) => ch.publish('', q, Buffer.from('x'), { headers: { BCC: 5 } }),
    said: 'channel 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",byte}',
  },
  {
    name: 'reply no consumer',
    do: (ch) => ch.publish('', q, Buffer.from('x'), { replyTo: 'amq.rabbitmq.reply-to' }),
    said: 'channel 406 PRECONDITION_FAILED - fast reply consumer does not exist',
  },
  {
    name: 'reply with ack',
    do: (ch) => ch.consume('amq.rabbitmq.reply-to', () => {}),
    said: 'channel 406 PRECONDITION_FAILED - reply consumer cannot acknowledge',
  },
  {
    name: 'reply twice',
    do: async (ch) => {
      await ch.consume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
      await ch.consume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
    },
    said: 'channel 406 PRECONDITION_FAILED - reply consumer already set',
  },
  {
    name: 'reply to nobody',
    do: (ch) => ch.publish('', 'amq.rabbitmq.reply-to.g1h2AAFyZXBseUAxAAAAAAAAAAAAAAAAAAAAAAA=.xxx', Buffer.from('x')),
    said: 'ok',
    reference: 'connection 541 INTERNAL_ERROR',
  },
  {
    name: 'bad x-match',
    do: (ch) => ch.bindQueue(q, 'amq.headers', '', { 'x-match': 'bad' }),
    said: 'channel 406 PRECONDITION_FAILED - Invalid x-match field value <<"bad">>; expected all, any, all-with-x, or any-with-x',
  },
  {
    name: 'bad x-match type',
    do: (ch) => ch.bindQueue(q, 'amq.headers', '', { 'x-match': 5 }),
    said: 'channel 406 PRECONDITION_FAILED - Invalid x-match field type byte (value 5); expected longstr',
  },
  {
    name: 'hash weight bad',
    do: async (ch) => {
      await ch.assertExchange('mis-hash', 'x-consistent-hash');
      await ch.bindQueue(q, 'mis-hash', 'abc');
    },
    said: 'channel 406 PRECONDITION_FAILED - The binding key must be an integer: <<"abc">>',
  },
  {
    name: 'exclusive consume twice',
    do: async (ch) => {
      await ch.consume(q, () => {}, { exclusive: true });
      await ch.consume(q, () => {}, {});
    },
    said: `channel 403 ACCESS_REFUSED - queue 'mis-q' in vhost '/' in exclusive use`,
  },
  {
    name: 'exclusive after other',
    do: async (ch) => {
      await ch.consume(q, () => {}, {});
      await ch.consume(q, () => {}, { exclusive: true });
    },
    said: `channel 403 ACCESS_REFUSED - queue 'mis-q' in vhost '/' in exclusive use`,
  },
  {
    name: 'duplicate ctag',
    do: async (ch) => {
      await ch.consume(q, () => {}, { consumerTag: 'a' });
      await ch.consume(q, () => {}, { consumerTag: 'a' });
    },
    said: `connection 530 NOT_ALLOWED - attempt to reuse consumer tag 'a'`,
  },
  {
    name: 'bad priority',
    do: (ch) => ch.consume(q, () => {}, { arguments: { 'x-priority': 'a' } }),
    said: `channel 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'mis-q' in vhost '/': "expected integer, got longstr"`,
  },
  {
    name: 'locked declare',
    do: (ch) => ch.assertQueue(excl, { exclusive: true }),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'locked check',
    do: (ch) => ch.checkQueue(excl),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'locked consume',
    do: (ch) => ch.consume(excl, () => {}),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'locked get',
    do: (ch) => ch.get(excl),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'locked purge',
    do: (ch) => ch.purgeQueue(excl),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'locked delete',
    do: (ch) => ch.deleteQueue(excl),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  {
    name: 'locked bind',
    do: (ch) => ch.bindQueue(excl, x, 'a'),
    said: `channel 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mis-excl' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  },
  { name: 'cancel unknown', do: (ch) => ch.cancel('nope'), said: 'ok' },
  { name: 'delete missing', do: async (ch) => [await ch.deleteQueue('nope'), await ch.deleteExchange('nope')], said: 'ok' },
  { name: 'unbind missing', do: (ch) => ch.unbindQueue(q, x, 'never'), said: 'ok' },
  { name: 'unbind missing q', do: (ch) => ch.unbindQueue('nope', x, 'never'), said: 'ok' },
  {
    name: 'exchange bind missing',
    do: (ch) => ch.bindExchange('nope', x, ''),
    said: `channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'`,
  },
  {
    name: 'exchange bind missing src',
    do: (ch) => ch.bindExchange(x, 'nope', ''),
    said: `channel 404 NOT_FOUND - no exchange 'nope' in vhost '/'`,
  },
  {
    name: 'exchange bind default',
    do: (ch) => ch.bindExchange('', x, ''),
    said: 'channel 403 ACCESS_REFUSED - operation not permitted on the default exchange',
  },
  { name: 'exchange unbind missing', do: (ch) => ch.unbindExchange('nope', x, ''), said: 'ok' },
  { name: 'recover', do: (ch) => ch.recover(), said: 'ok' },
  { name: 'prefetch', do: (ch) => ch.prefetch(3, true), said: 'ok' },
];

async function prepare(channel: ConfirmChannel): Promise<void> {
  await channel.assertQueue(q);
  await channel.assertExchange(x, 'direct');
  await channel.assertExchange(x2, 'direct', { internal: true });
  await channel.assertQueue('mis-ttl', { messageTtl: 1000 });
  await channel.assertQueue(excl, { exclusive: true });
  await channel.assertQueue('mis-full');
  await channel.assertQueue('mis-stream', { arguments: { 'x-queue-type': 'stream' } });
  await channel.bindQueue(q, x, 'k');
  channel.sendToQueue('mis-full', Buffer.from('x'));
  await channel.waitForConfirms();
}

async function tidy(channel: ConfirmChannel): Promise<void> {
  for (const queue of [q, 'mis-ttl', 'mis-full', 'mis-stream', 'mis-new', excl]) await channel.deleteQueue(queue);
  for (const exchange of [x, x2, 'mis-hash', 'mis-new']) await channel.deleteExchange(exchange);
}

/** What amqplib's errors tell, in one line. */
function lineOf(error: Error): string {
  const [, closed, code, text] = /^(Channel|Connection) closed.*?: (\d+) \([A-Z-]+\) with message "(.*)"$/.exec(error.message) ?? [];
  return closed === undefined ? error.message : `${closed.toLowerCase()} ${code} ${text}`;
}

/** What the client hears. */
async function heard(url: string, ask: Case['do']): Promise<string> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const over = new Promise<string>((resolve) => {
    connection.on('error', (error: Error) => resolve(lineOf(error)));
    channel.on('error', (error: Error) => resolve(lineOf(error)));
  });
  const asked = Promise.resolve()
    .then(() => ask(channel))
    .then(() => channel.checkQueue(q))
    .then(
      () => 'ok',
      () => over,
    );
  const said = await Promise.race([over, asked]);
  await connection.close().catch(() => undefined); // it may have been closed by the other side
  return said;
}

describe('misuse', () => {
  test('each is answered as it should be', async (t) => {
    const { url } = await subject(t);
    const owner = await (await connected(t, url)).createConfirmChannel();
    await prepare(owner);
    for (const { name, do: ask, said, reference } of CASES) {
      const expected = REFERENCE === undefined ? said : (reference ?? said);
      await t.test(name, async () => assert.equal(await heard(url, ask), expected));
      await owner.deleteQueue('mis-new');
      if (!expected.includes('unknown exchange type')) await owner.deleteExchange('mis-new');
    }
    await tidy(owner);
  });
});
