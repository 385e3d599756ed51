/** AlterConfigs, versions 0–2: all settings of a topic anew; those not named are as if nobody had ever said anything. */

import { ALTER_CONFIGS, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { alterTopic, specFrom, withoutConfigs } from '../configs.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';

type Asked = RequestOf<typeof ALTER_CONFIGS>['resources'][number];
type Answer = ResponseOf<typeof ALTER_CONFIGS>['responses'][number];

export const ALTER_CONFIGS_HANDLER: Handler = handler(ALTER_CONFIGS, async ({ resources, validateOnly }, call) => {
  const responses: Answer[] = [];
  for (const resource of resources) responses.push(await alter(resource, validateOnly, call));
  return { responses };
});

async function alter({ resourceType, resourceName, configs }: Asked, validateOnly: boolean, call: Call): Promise<Answer> {
  const resource = { resourceType, resourceName };
  try {
    await alterTopic(resource, validateOnly, call, (spec) => specFrom(withoutConfigs(spec), configs));
    return { ...resource, errorMessage: null };
  } catch (error) {
    return { ...resource, ...faultOf(error, call) };
  }
}
