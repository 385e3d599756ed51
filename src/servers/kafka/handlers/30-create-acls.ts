/** CreateAcls, versions 1–3: rules for users. One that there is not comes to be, with nothing else that it may. */

import type { AccessRule } from '../../../model/access.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import { CREATE_ACLS, ERROR, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { checkMayAdminister, ruleOf, userOf } from '../acls.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';

type Asked = RequestOf<typeof CREATE_ACLS>['creations'][number];
type Answer = ResponseOf<typeof CREATE_ACLS>['results'][number];

export const CREATE_ACLS_HANDLER: Handler = handler(CREATE_ACLS, ({ creations }, call) =>
  call.door.inTurn(async () => {
    const results: Answer[] = [];
    for (const creation of creations) results.push(await create(creation, call));
    return { results };
  }),
);

async function create(asked: Asked, call: Call): Promise<Answer> {
  try {
    await checkMayAdminister(call);
    const { engine, door, peer } = call;
    const tenant = door.tenantOf(peer);
    const name = userOf(asked.principal);
    const known = await engine.describe('user', name);
    const rules = known?.kind === 'user' ? (known.spec.rules ?? []) : [];
    const userTenant = (known?.kind === 'user' ? known.spec.tenant : undefined) ?? DEFAULT_TENANT;
    const rule = ruleOf({ ...asked, patternType: asked.resourcePatternType }, tenant, userTenant);
    if (!rules.some((other) => isSame(other, rule))) await engine.keepRules(name, [...rules, rule]);
    return { errorMessage: null };
  } catch (error) {
    const { errorCode, errorMessage } = faultOf(error, call);
    return { errorCode: errorCode === ERROR.topicAuthorizationFailed ? ERROR.clusterAuthorizationFailed : errorCode, errorMessage };
  }
}

function isSame(a: AccessRule, b: AccessRule): boolean {
  return (['effect', 'verb', 'on', 'name', 'match', 'tenant'] as const).every((property) => a[property] === b[property]);
}
