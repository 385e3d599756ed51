/** DescribeConfigs, versions 1–4: settings of topics. The broker itself has none that are told by Kafka's names. */

import { DESCRIBE_CONFIGS, ERROR, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { configsOf } from '../configs.ts';
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
      return { ...resource, errorMessage: null, configs: [] };
    }
    if (resourceType !== RESOURCE.topic)
      throw new KafkaFault(ERROR.invalidRequest, `Resources of type ${resourceType} have no settings here.`);
    const known = await describeTopic(call.engine, resourceName);
    if (known === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no topic "${resourceName}".`);
    const configs = configsOf(specOf(known)).filter(
      ({ name }) => configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name),
    );
    return {
      ...resource,
      errorMessage: null,
      configs: configs.map(({ name, value, source, isSensitive, type }) => ({
        name,
        value,
        readOnly: false,
        configSource: source,
        isSensitive,
        synonyms: [],
        configType: type,
        documentation: null,
      })),
    };
  } catch (error) {
    return { ...resource, ...faultOf(error, call), configs: [] };
  }
}
