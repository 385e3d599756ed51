/** The broker that gets killed behind its doors: opens a directory and the AMQP and the Kafka door on given ports, and says READY. */

import { nodeHost } from '../../src/host/node-host.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { startAmqp } from '../../src/servers/amqp/amqp.ts';
import { startKafka } from '../../src/servers/kafka/kafka.ts';
import { open } from '../../src/signalbox.ts';

const [directory = '', durability = 'fsync', amqpPort = '0', kafkaPort = '0'] = process.argv.slice(2);

const machine = nodeHost({ logger: silentLogger });
const box = await open(directory, { durability: durability as 'fsync', upkeep: { checkpointBytes: 4_000_000 } });
const doors = [
  await startAmqp(box.engine, { machine, port: Number(amqpPort) }),
  await startKafka(box.engine, { machine, port: Number(kafkaPort), partitions: 2 }),
];

process.on('SIGTERM', () => {
  void Promise.all(doors.map((door) => door.close()))
    .then(() => box.close())
    .then(() => process.exit(0));
});

process.stdout.write('READY\n');
