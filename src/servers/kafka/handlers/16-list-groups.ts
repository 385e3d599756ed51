/** ListGroups, versions 0–5: groups that have members, and those that only have offsets. */

import { LIST_GROUPS } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';
import { STATE_NAMES } from './15-describe-groups.ts';

const CLASSIC = 'classic';

export const LIST_GROUPS_HANDLER: Handler = handler(LIST_GROUPS, async ({ statesFilter, typesFilter }, call) => {
  try {
    const found = new Map<string, { readonly protocolType: string; readonly groupState: string }>();
    for (const group of await call.engine.list('group')) {
      if (group.kind === 'group')
        found.set(group.name, { protocolType: '', groupState: STATE_NAMES[group.members === 0 ? 'empty' : 'stable'] });
    }
    for (const { id, protocolType, state } of call.door.groups.of(call.peer.principal).all())
      found.set(id, { protocolType, groupState: STATE_NAMES[state] });
    const states = new Set(statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(typesFilter.map((type) => type.toLowerCase()));
    return {
      groups: [...found]
        .filter(([, { groupState }]) => states.size === 0 || states.has(groupState.toLowerCase()))
        .filter(() => types.size === 0 || types.has(CLASSIC))
        .map(([groupId, shown]) => ({ groupId, ...shown, groupType: CLASSIC })),
    };
  } catch (error) {
    return { errorCode: groupFaultOf(error, call).errorCode, groups: [] };
  }
});
