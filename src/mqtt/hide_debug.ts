/**
 * Hides the variable `DEBUG` while packages load. Those of the MQTT library look at it then, and
 * would print every packet: passwords and tokens too.
 *
 * @module
 */
const value = isReadable() ? Deno.env.get("DEBUG") : undefined;
if (value !== undefined) Deno.env.delete("DEBUG");

/** Sets the variable again: workloads get the environment as it was. */
export function restoreDebug(): void {
  if (value !== undefined) Deno.env.set("DEBUG", value);
}

function isReadable(): boolean {
  return Deno.permissions.querySync({ name: "env", variable: "DEBUG" }).state === "granted";
}
