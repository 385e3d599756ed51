/** AlterReplicaLogDirs, versions 1–2: there is one directory, and nothing to move to another. */

import { ALTER_REPLICA_LOG_DIRS, ERROR } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';
import { LOG_DIR } from './35-describe-log-dirs.ts';

export const ALTER_REPLICA_LOG_DIRS_HANDLER: Handler = handler(ALTER_REPLICA_LOG_DIRS, async ({ dirs }, { engine }) => {
  const may = await engine.may('alter', 'broker', '');
  const code = (path: string) => {
    if (!may) return ERROR.clusterAuthorizationFailed;
    return path === LOG_DIR ? ERROR.none : ERROR.logDirNotFound;
  };
  return {
    results: dirs.flatMap(({ path, topics }) =>
      topics.map(({ name, partitions }) => ({
        topicName: name,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode: code(path) })),
      })),
    ),
  };
});
