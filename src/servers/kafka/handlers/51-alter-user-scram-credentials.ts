/**
 * AlterUserScramCredentials, version 0: keeps or forgets verifiers of users. Who is none becomes one, who may do nothing before an ACL or an
 * administrator lets it; but not the first one, with whom this door would shut for everybody else.
 */

import { ALTER_USER_SCRAM_CREDENTIALS, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { ITERATIONS_MAX, ITERATIONS_MIN, iterationsOf, SCRAM, type ScramMechanism, scramVerifier } from '../scram.ts';

type Answer = ResponseOf<typeof ALTER_USER_SCRAM_CREDENTIALS>['results'][number];

export const ALTER_USER_SCRAM_CREDENTIALS_HANDLER: Handler = handler(
  ALTER_USER_SCRAM_CREDENTIALS,
  async ({ deletions, upsertions }, call) => {
    const results: Answer[] = [];
    for (const { name, mechanism } of deletions) {
      results.push(
        await change(name, mechanism, call, async (known) => {
          if (iterationsOf(await call.door.engine.verifier(known.purpose, name)) === undefined)
            throw new KafkaFault(ERROR.resourceNotFound, `No ${known.name} verifier is kept for "${name}".`);
          return undefined;
        }),
      );
    }
    for (const { name, mechanism, iterations, salt, saltedPassword } of upsertions) {
      results.push(
        await change(name, mechanism, call, async (known) => {
          if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX)
            throw new KafkaFault(ERROR.unacceptableCredential, `There must be ${ITERATIONS_MIN} to ${ITERATIONS_MAX} iterations.`);
          return scramVerifier(known, iterations, salt, saltedPassword);
        }),
      );
    }
    return { results };
  },
);

async function change(
  user: string,
  number: number,
  call: Call,
  verifier: (mechanism: ScramMechanism) => Promise<string | undefined>,
): Promise<Answer> {
  try {
    const mechanism = SCRAM.find((one) => one.number === number);
    if (mechanism === undefined) throw new KafkaFault(ERROR.unsupportedSaslMechanism, `There is no SCRAM mechanism ${number}.`);
    const kept = await verifier(mechanism);
    if (kept !== undefined && (await call.engine.describe('user', user)) === undefined) {
      if (!call.door.engine.guarded)
        throw new KafkaFault(ERROR.unacceptableCredential, 'There are no users yet: add the first one with "signalbox user add".');
      await call.engine.keepRules(user, []);
    }
    await call.engine.keepVerifier(mechanism.purpose, user, kept);
    return { user, errorMessage: null };
  } catch (error) {
    const fault = faultOf(error, call);
    const { errorCode } = fault;
    if (errorCode === ERROR.topicAuthorizationFailed) return { user, ...fault, errorCode: ERROR.clusterAuthorizationFailed };
    return { user, ...fault, errorCode: errorCode === ERROR.unknownTopicOrPartition ? ERROR.resourceNotFound : errorCode };
  }
}
