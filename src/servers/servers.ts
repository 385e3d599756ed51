/** The door of this room: what opens each protocol's door. */

export { type AmqpOptions, startAmqp } from './amqp/amqp.ts';
export { Annexes } from './annexes.ts';
export type { Tls } from './connection.ts';
export { type HttpOptions, startHttp } from './http/http.ts';
export { type KafkaOptions, startKafka } from './kafka/kafka.ts';
