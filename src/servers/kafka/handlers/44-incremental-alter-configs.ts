/** IncrementalAlterConfigs, versions 0–1: single settings of a topic set, taken back, added to or taken from. */

import type { TopicSpec } from '../../../model/declaration.ts';
import { ERROR, INCREMENTAL_ALTER_CONFIGS, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { alterTopic, listOf, withConfig } from '../configs.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';

type Asked = RequestOf<typeof INCREMENTAL_ALTER_CONFIGS>['resources'][number];
type Answer = ResponseOf<typeof INCREMENTAL_ALTER_CONFIGS>['responses'][number];

const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

export const INCREMENTAL_ALTER_CONFIGS_HANDLER: Handler = handler(INCREMENTAL_ALTER_CONFIGS, async ({ resources, validateOnly }, call) => {
  const responses: Answer[] = [];
  for (const resource of resources) responses.push(await alter(resource, validateOnly, call));
  return { responses };
});

async function alter({ resourceType, resourceName, configs }: Asked, validateOnly: boolean, call: Call): Promise<Answer> {
  const resource = { resourceType, resourceName };
  try {
    await alterTopic(resource, validateOnly, call, (spec) => configs.reduce(changed, spec));
    return { ...resource, errorMessage: null };
  } catch (error) {
    return { ...resource, ...faultOf(error, call) };
  }
}

function changed(spec: TopicSpec, { name, configOperation, value }: Asked['configs'][number]): TopicSpec {
  const given = (value ?? '').split(',').filter((one) => one !== '');
  switch (configOperation) {
    case SET:
      if (value === null) throw new KafkaFault(ERROR.invalidConfig, `The setting "${name}" is set to nothing; take it back instead.`);
      return withConfig(spec, name, value);
    case DELETE:
      return withConfig(spec, name, undefined);
    case APPEND:
      return withConfig(spec, name, [...new Set([...listOf(spec, name), ...given])].join(','));
    case SUBTRACT:
      return withConfig(
        spec,
        name,
        listOf(spec, name)
          .filter((one) => !given.includes(one))
          .join(','),
      );
    default:
      throw new KafkaFault(ERROR.invalidRequest, `There is no operation ${configOperation} on settings.`);
  }
}
