/** DescribeLogDirs, versions 1–4: one directory. What a topic takes is known as a whole, and told by shares of its messages. */

import { DESCRIBE_LOG_DIRS, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';

/** Where it lies on this machine is nobody's business. */
export const LOG_DIR = '/signalbox';

type Topic = ResponseOf<typeof DESCRIBE_LOG_DIRS>['results'][number]['topics'][number];

export const DESCRIBE_LOG_DIRS_HANDLER: Handler = handler(DESCRIBE_LOG_DIRS, async ({ topics: asked }, call) => {
  if (!(await call.engine.may('describe', 'broker', '')))
    return { errorCode: ERROR.clusterAuthorizationFailed, results: call.version < 3 ? [failed(ERROR.clusterAuthorizationFailed)] : [] };
  try {
    const wanted = asked === null ? undefined : new Map(asked.map(({ topic, partitions }) => [topic, new Set(partitions)]));
    return { results: [{ logDir: LOG_DIR, topics: await sizes(wanted, call) }] };
  } catch (error) {
    return { results: [failed(faultOf(error, call).errorCode)] };
  }
});

function failed(errorCode: number) {
  return { errorCode, logDir: LOG_DIR, topics: [] };
}

async function sizes(wanted: ReadonlyMap<string, ReadonlySet<number>> | undefined, { engine }: Call): Promise<Topic[]> {
  const names = wanted === undefined ? (await engine.list('topic', { brief: true })).map(nameOf) : [...wanted.keys()];
  const topics: Topic[] = [];
  for (const name of names) {
    const known = await engine.describe('topic', name);
    if (known?.kind !== 'topic') continue;
    const count = known.partitions.reduce((sum, { start, end }) => sum + end - start, 0);
    topics.push({
      name,
      partitions: known.partitions
        .filter(({ partition }) => wanted?.get(name)?.has(partition) ?? true)
        .map(({ partition, start, end }) => ({
          partitionIndex: partition,
          partitionSize: count === 0 ? 0 : Math.round(((known.sizeBytes ?? 0) * (end - start)) / count),
          offsetLag: 0,
          isFutureKey: false,
        })),
    });
  }
  return topics;
}

function nameOf(description: { readonly spec?: { readonly name: string } } | { readonly name: string }): string {
  return 'name' in description ? description.name : (description.spec?.name ?? '');
}
