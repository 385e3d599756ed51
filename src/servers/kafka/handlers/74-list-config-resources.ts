/** ListConfigResources, versions 0–1: what has settings: topics and the broker. Version 0 asks for clients' metrics, of which there are none. */

import { ERROR, LIST_CONFIG_RESOURCES } from '../../../wire/kafka/kafka.ts';
import { NODE_ID } from '../door.ts';
import { type Handler, handler } from '../handler.ts';
import { listTopics, RESOURCE } from '../topics.ts';

export const LIST_CONFIG_RESOURCES_HANDLER: Handler = handler(LIST_CONFIG_RESOURCES, async ({ resourceTypes }, { engine, version }) => {
  if (!(await engine.may('describe-settings', 'broker', ''))) return { errorCode: ERROR.clusterAuthorizationFailed, configResources: [] };
  if (version === 0) return { configResources: [] };
  const wants = (type: number) => resourceTypes.length === 0 || resourceTypes.includes(type);
  const topics = wants(RESOURCE.topic) ? await listTopics(engine) : [];
  return {
    configResources: [
      ...topics.map(({ spec }) => ({ resourceName: spec.name, resourceType: RESOURCE.topic })),
      ...(wants(RESOURCE.broker) ? [{ resourceName: String(NODE_ID), resourceType: RESOURCE.broker }] : []),
    ],
  };
});
