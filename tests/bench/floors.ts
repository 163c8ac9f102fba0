/** The least that must be done for a command, without a node. */

/** The definitions of the floors, which the report prints. */
export const FLOORS = {
  echo:
    "the broker's echo: a message from a client over mosquitto (which saves nothing to disk) to " +
    "a bare MQTT client in another process and its reply back, QoS 1, without Nagle's algorithm",
  spawn: "the runtime spawning `sh -c true` through Deno.Command and waiting for its end",
  "echo + spawn": "the sum of both",
  "echo + worker":
    "the echo, then a call of the bench's worker over its pipes without a node, as one sample",
  "slower of echo and worker":
    "the echo alone and that worker alone, as many at a time: the smaller rate of answers",
  "warm command": "a command of a loaded worker, one at a time",
  "spawn for each": "the spawn's median, times the number of commands",
  "gap of spawns":
    "the longest time between the ends of two spawns, with as many in all and as many at a time",
  modules: "`deno run` of a program that imports the node's packages and exits",
  runtime: "`deno run` of an empty program",
  "JSON.parse()": "decoding the same message as UTF-8 and JSON.parse() of it, in the same process",
  "bare client": "the echo's program: a bare mqtt.js client that is connected and replies",
} as const;

/** The name of a floor. */
export type Floor = keyof typeof FLOORS;

/** Has the runtime spawn a shell that does nothing. */
export async function spawnShell(): Promise<void> {
  await new Deno.Command("sh", { args: ["-c", "true"], stdin: "null" }).output();
}
