/** Workloads as the emulated platform followed them. */
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import type { World } from "./world.ts";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import type { Mosquitto } from "./mosquitto.ts";

/** The statuses of a workload, by name, where one that came twice in a row counts once. */
export function statusNames({ statuses }: EmulatedWorkload): string[] {
  const names = statuses.map(({ status }) => status as string);
  return names.filter((name, index) => name !== names[index - 1]);
}

/** Resolves when the platform is told that a workload is `status`. */
export async function becomes(
  world: World<EmbeddedBroker | Mosquitto>,
  { uuid }: EmulatedWorkload,
  status: string,
): Promise<void> {
  await world.called(({ method, path, body }) =>
    method === "MQTT" && path === `cyberwave/cloud-workload/${uuid}/update-status` &&
    (body as { status: string }).status === status
  );
  // It is answered after it was logged.
  await Promise.resolve();
}
