/** DescribeAcls, versions 1–3: the rules of all users that are ACLs. Patterns of users are none, and are not told here. */

import { DESCRIBE_ACLS, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { type Acl, aclsOf, checkFilter, checkMayAdminister, passes } from '../acls.ts';
import { faultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';

type Resource = ResponseOf<typeof DESCRIBE_ACLS>['resources'][number];

export const DESCRIBE_ACLS_HANDLER: Handler = handler(DESCRIBE_ACLS, async (filter, call) => {
  try {
    checkFilter(filter);
    await checkMayAdminister(call);
    const users = await call.engine.list('user');
    const acls = users
      .flatMap((user) => (user.kind === 'user' ? aclsOf(user.spec, call.door.tenantOf(call.peer)) : []))
      .map(({ acl }) => acl)
      .filter((acl) => passes(acl, filter));
    return { errorMessage: null, resources: byResource(acls) };
  } catch (error) {
    const { errorCode, errorMessage } = faultOf(error, call);
    return {
      errorCode: errorCode === ERROR.topicAuthorizationFailed ? ERROR.clusterAuthorizationFailed : errorCode,
      errorMessage,
      resources: [],
    };
  }
});

function byResource(acls: readonly Acl[]): Resource[] {
  const resources = new Map<string, Acl[]>();
  for (const acl of acls) {
    const key = `${acl.resourceType}/${acl.patternType}/${acl.resourceName}`;
    resources.set(key, [...(resources.get(key) ?? []), acl]);
  }
  return [...resources.values()].map((list) => {
    const { resourceType, resourceName, patternType } = list[0] as Acl; // a list is made with its first
    return {
      resourceType,
      resourceName,
      patternType,
      acls: list.map(({ principal, host, operation, permissionType }) => ({ principal, host, operation, permissionType })),
    };
  });
}
