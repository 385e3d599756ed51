/** ListGroups, versions 0–5: groups that have members, and those that only have offsets. */

import { LIST_GROUPS } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';
import { STATE_NAMES } from './15-describe-groups.ts';

const CLASSIC = 'classic';
/** The newer protocol; and what groups are for, in Kafka's word: whoever keeps offsets consumes. */
const CONSUMER = 'consumer';

export const LIST_GROUPS_HANDLER: Handler = handler(LIST_GROUPS, async ({ statesFilter, typesFilter }, call) => {
  try {
    const found = new Map<string, { readonly protocolType: string; readonly groupState: string; readonly groupType: string }>();
    for (const group of await call.engine.list('group')) {
      if (group.kind === 'group')
        found.set(group.name, {
          protocolType: CONSUMER,
          groupState: STATE_NAMES[group.members === 0 ? 'empty' : 'stable'],
          groupType: CLASSIC,
        });
    }
    for (const { id, protocolType, state } of call.door.groups.of(call.peer.principal).all())
      found.set(id, { protocolType, groupState: STATE_NAMES[state], groupType: CLASSIC });
    for (const { id, state } of call.door.groups.of(call.peer.principal).allBalanced())
      found.set(id, { protocolType: CONSUMER, groupState: state, groupType: CONSUMER });
    const states = new Set(statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(typesFilter.map((type) => type.toLowerCase()));
    return {
      groups: [...found]
        .filter(([, { groupState }]) => states.size === 0 || states.has(groupState.toLowerCase()))
        .filter(([, { groupType }]) => types.size === 0 || types.has(groupType))
        .map(([groupId, shown]) => ({ groupId, ...shown })),
    };
  } catch (error) {
    return { errorCode: groupFaultOf(error, call).errorCode, groups: [] };
  }
});
