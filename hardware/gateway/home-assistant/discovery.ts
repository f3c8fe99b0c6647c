/**
 * What Home Assistant is told about sensors, so that they appear by themselves: discovery messages of its MQTT
 * integration, one per sensor, retained.
 */

/** A number that is shown. `total` only ever rises. */
export interface Sensor {
  /** Names it within its device, and its field in the state: `importKwh`. */
  readonly field: string;
  readonly name: string;
  readonly shows: "total" | "power";
}

/** A meter or feeder with its sensors. */
export interface ShownDevice {
  /** `m-001`; unique in this installation. */
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly sensors: readonly Sensor[];
}

export interface Message {
  readonly topic: string;
  readonly payload: string;
}

export interface DiscoveryTopics {
  /** Where Home Assistant looks: `homeassistant`. */
  readonly prefix: string;
  /** Where states are published: `wattveil`. */
  readonly base: string;
  /** Who publishes: one connection, whose end makes all its sensors unavailable. */
  readonly publisher: string;
}

const UNITS = {
  total: { device_class: "energy", state_class: "total_increasing", unit_of_measurement: "kWh" },
  power: { device_class: "power", state_class: "measurement", unit_of_measurement: "W" },
} as const;

export function stateTopic({ base }: DiscoveryTopics, id: string): string {
  return `${base}/${id}/state`;
}

export function availabilityTopic({ base }: DiscoveryTopics, id: string): string {
  return `${base}/${id}/availability`;
}

/** The last will of the publisher's connection goes here. */
export function publisherTopic({ base, publisher }: DiscoveryTopics): string {
  return `${base}/${publisher}/availability`;
}

/** One message for each sensor of a device. */
export function discoveryMessages(topics: DiscoveryTopics, device: ShownDevice): Message[] {
  const node = `wattveil-${device.id}`;
  return device.sensors.map(({ field, name, shows }) => ({
    topic: `${topics.prefix}/sensor/${node}/${field}/config`,
    payload: JSON.stringify({
      name,
      unique_id: `${node}-${field}`,
      ...UNITS[shows],
      state_topic: stateTopic(topics, device.id),
      value_template: `{{ value_json.${field} }}`,
      availability: [{ topic: publisherTopic(topics) }, { topic: availabilityTopic(topics, device.id) }],
      availability_mode: "all",
      device: { identifiers: [node], name: device.name, model: device.model },
      origin: { name: "Wattveil" },
    }),
  }));
}
