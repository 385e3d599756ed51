/** DescribeUserScramCredentials, version 0: for which users a verifier is kept. Never the verifier. */

import { DESCRIBE_USER_SCRAM_CREDENTIALS, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { iterationsOf, SCRAM } from '../scram.ts';

type Answer = ResponseOf<typeof DESCRIBE_USER_SCRAM_CREDENTIALS>['results'][number];

export const DESCRIBE_USER_SCRAM_CREDENTIALS_HANDLER: Handler = handler(DESCRIBE_USER_SCRAM_CREDENTIALS, async ({ users }, call) => {
  try {
    // Refused to who may not administer.
    const all = (await call.engine.list('user')).flatMap((one) => (one.kind === 'user' ? [one.spec.name] : []));
    const asked = users === null || users.length === 0 ? undefined : users.map(({ name }) => name);
    const results: Answer[] = [];
    for (const user of asked ?? all) {
      const twice = asked !== undefined && asked.indexOf(user) !== asked.lastIndexOf(user);
      const credentialInfos = twice ? [] : await keptFor(user, call);
      if (twice)
        results.push({ user, errorCode: ERROR.duplicateResource, errorMessage: 'The request names this user twice.', credentialInfos });
      else if (credentialInfos.length > 0) results.push({ user, credentialInfos });
      else if (asked !== undefined)
        results.push({
          user,
          errorCode: ERROR.resourceNotFound,
          errorMessage: `No SCRAM verifier is kept for "${user}".`,
          credentialInfos,
        });
    }
    return { errorMessage: null, results };
  } catch (error) {
    const fault = faultOf(error, call);
    const errorCode = fault.errorCode === ERROR.topicAuthorizationFailed ? ERROR.clusterAuthorizationFailed : fault.errorCode;
    return { ...fault, errorCode, results: [] };
  }
});

async function keptFor(user: string, { door }: Call): Promise<Answer['credentialInfos']> {
  const infos: { mechanism: number; iterations: number }[] = [];
  for (const { number, purpose } of SCRAM) {
    const iterations = iterationsOf(await door.engine.verifier(purpose, user));
    if (iterations !== undefined) infos.push({ mechanism: number, iterations });
  }
  return infos;
}
