/** NestJS microservices over Kafka and over AMQP: questions with answers, and events. */

import 'reflect-metadata';
import common from '@nestjs/common';
import core from '@nestjs/core';
import microservices from '@nestjs/microservices';
import rxjs from 'rxjs';

const { Controller, Module } = common;
const { NestFactory } = core;
const { ClientProxyFactory, EventPattern, MessagePattern, Transport } = microservices;
const { firstValueFrom, timeout } = rxjs;

const run = process.hrtime.bigint().toString(36);
const check = (what, holds) => {
  console.log(`${holds ? 'ok' : 'WRONG'}: ${what}`);
  if (!holds) process.exit(1);
};

class Sums {
  static heard = Promise.withResolvers();

  add(numbers) {
    return { sum: numbers.reduce((sum, one) => sum + one, 0) };
  }

  told(event) {
    Sums.heard.resolve(event);
  }
}

function served(transport) {
  const service = class extends Sums {
    add(numbers) {
      return super.add(numbers);
    }
    told(event) {
      super.told(event);
    }
  };
  const describe = (name) => Object.getOwnPropertyDescriptor(service.prototype, name);
  MessagePattern(`sums-${run}`)(service.prototype, 'add', describe('add'));
  EventPattern(`told-${run}`)(service.prototype, 'told', describe('told'));
  Controller()(service);
  const module = class {};
  Module({ controllers: [service] })(module);
  return NestFactory.createMicroservice(module, { ...transport, logger: ['error'] });
}

const kafka = { brokers: [process.env.KAFKA], logLevel: 1 };
const transports = [
  ['AMQP', { transport: Transport.RMQ, options: { urls: [process.env.AMQP], queue: `nest-${run}`, queueOptions: { durable: true } } }],
  [
    'Kafka',
    {
      transport: Transport.KAFKA,
      options: { client: { clientId: 'nest', ...kafka }, consumer: { groupId: `nest-${run}`, allowAutoTopicCreation: true } },
    },
  ],
];
for (const [name, transport] of transports) {
  Sums.heard = Promise.withResolvers();
  const service = await served(transport);
  await service.listen();
  const client = ClientProxyFactory.create(transport);
  if (name === 'Kafka') client.subscribeToResponseOf(`sums-${run}`);
  await client.connect();
  const answer = await firstValueFrom(client.send(`sums-${run}`, [1, 2, 3]).pipe(timeout(30_000)));
  check(`${name}: a question is answered`, answer.sum === 6);
  const many = await Promise.all(
    Array.from({ length: 50 }, (_, i) => firstValueFrom(client.send(`sums-${run}`, [i, i]).pipe(timeout(30_000)))),
  );
  check(
    `${name}: fifty at once, each its own`,
    many.every(({ sum }, i) => sum === 2 * i),
  );
  client.emit(`told-${run}`, { event: 'something' });
  check(`${name}: an event is heard`, (await Sums.heard.promise).event === 'something');
  await client.close();
  await service.close();
}
process.exit(0);
