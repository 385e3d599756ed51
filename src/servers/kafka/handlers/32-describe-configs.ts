/** DescribeConfigs, versions 1–4: settings of topics, and those of the broker, which cannot be changed by clients. */

import { DESCRIBE_CONFIGS, ERROR, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { brokerConfigs } from '../broker-configs.ts';
import { type Config, configsOf } from '../configs.ts';
import { NODE_ID } from '../door.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic, RESOURCE, specOf } from '../topics.ts';

type Asked = RequestOf<typeof DESCRIBE_CONFIGS>['resources'][number];
type Answer = ResponseOf<typeof DESCRIBE_CONFIGS>['results'][number];

export const DESCRIBE_CONFIGS_HANDLER: Handler = handler(DESCRIBE_CONFIGS, async ({ resources }, call) => ({
  results: await Promise.all(resources.map((resource) => describe(resource, call))),
}));

async function describe({ resourceType, resourceName, configurationKeys }: Asked, call: Call): Promise<Answer> {
  const resource = { resourceType, resourceName };
  try {
    if (resourceType === RESOURCE.broker) {
      if (resourceName !== '' && resourceName !== String(NODE_ID))
        throw new KafkaFault(ERROR.invalidRequest, `There is no broker "${resourceName}".`);
      if (!(await call.engine.may('describe-settings', 'broker', '')))
        throw new KafkaFault(ERROR.clusterAuthorizationFailed, 'You may not see the settings of the broker.');
      return { ...resource, errorMessage: null, configs: chosen(brokerConfigs(call.door), configurationKeys, true) };
    }
    if (resourceType !== RESOURCE.topic)
      throw new KafkaFault(ERROR.invalidRequest, `Resources of type ${resourceType} have no settings here.`);
    const known = await describeTopic(call.engine, resourceName);
    if (known === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no topic "${resourceName}".`);
    if (!(await call.engine.may('describe-settings', 'topic', resourceName)))
      throw new KafkaFault(ERROR.topicAuthorizationFailed, `You may not see the settings of the topic "${resourceName}".`);
    return { ...resource, errorMessage: null, configs: chosen(configsOf(specOf(known)), configurationKeys, false) };
  } catch (error) {
    return { ...resource, ...faultOf(error, call), configs: [] };
  }
}

function chosen(configs: readonly Config[], keys: readonly string[] | null, readOnly: boolean): Answer['configs'] {
  return configs
    .filter(({ name }) => keys === null || keys.length === 0 || keys.includes(name))
    .map(({ name, value, source, isSensitive, type }) => ({
      name,
      value,
      readOnly,
      configSource: source,
      isSensitive,
      synonyms: [],
      configType: type,
      documentation: null,
    }));
}
