/** DeleteAcls, versions 1–3: takes away rules that pass a filter, and answers which those were. */

import type { UserSpec } from '../../../model/declaration.ts';
import { DELETE_ACLS, ERROR, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { aclsOf, checkFilter, checkMayAdminister, passes } from '../acls.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { SCRAM } from '../scram.ts';

type Filter = RequestOf<typeof DELETE_ACLS>['filters'][number];
type Answer = ResponseOf<typeof DELETE_ACLS>['filterResults'][number];

export const DELETE_ACLS_HANDLER: Handler = handler(DELETE_ACLS, ({ filters }, call) =>
  call.door.inTurn(async () => {
    const filterResults: Answer[] = [];
    for (const filter of filters) filterResults.push(await remove(filter, call));
    return { filterResults };
  }),
);

async function remove(filter: Filter, call: Call): Promise<Answer> {
  try {
    checkFilter(filter);
    await checkMayAdminister(call);
    const { engine, door, peer } = call;
    const matchingAcls: Answer['matchingAcls'][number][] = [];
    for (const user of await engine.list('user')) {
      if (user.kind !== 'user') continue;
      const gone = aclsOf(user.spec, door.tenantOf(peer)).filter(({ acl }) => passes(acl, filter));
      if (gone.length === 0) continue;
      const rules = (user.spec.rules ?? []).filter((rule) => !gone.some((one) => one.rule === rule));
      await engine.keepRules(user.spec.name, rules);
      if (rules.length === 0 && (await isNobody(user.spec, call))) await engine.remove('user', user.spec.name);
      matchingAcls.push(...gone.map(({ acl }) => acl));
    }
    return { errorMessage: null, matchingAcls };
  } catch (error) {
    const { errorCode, errorMessage } = faultOf(error, call);
    const code = errorCode === ERROR.topicAuthorizationFailed ? ERROR.clusterAuthorizationFailed : errorCode;
    return { errorCode: code, errorMessage, matchingAcls: [] };
  }
}

/** A user who came to be by an ACL, and can do nothing without. */
async function isNobody({ name, admin, tenant, tenants, configure, write, read }: UserSpec, { door }: Call): Promise<boolean> {
  if (admin !== undefined || tenant !== undefined || tenants !== undefined) return false;
  if (configure !== undefined || write !== undefined || read !== undefined) return false;
  for (const purpose of ['password', 'token', ...SCRAM.map((mechanism) => mechanism.purpose)])
    if ((await door.engine.verifier(purpose, name)) !== undefined) return false;
  return true;
}
