/**
 * Which node `run` speaks to.
 *
 * @module
 */
import type { NodeAddress } from "../client/client_session.ts";
import { ConfigError, quoted } from "../errors.ts";
import { createLogger } from "../log.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import { IdentityStore } from "../registration/identity.ts";
import { systemClock } from "../time.ts";
import type { Arguments } from "./arguments.ts";

/** A node to send a command to. */
export interface RunTarget {
  readonly address: NodeAddress;
  /** Whether its state is on this computer. */
  readonly isHere: boolean;
  /** Where that is, or would be. */
  readonly stateFolder: string;
}

/**
 * The node that the flags name, else that of this computer.
 *
 * @throws {ConfigError} if there is none
 */
export async function findTarget(args: Arguments, stateFolder: string): Promise<RunTarget> {
  const [uuid, slug] = [args.value("uuid"), args.value("slug")];
  if (uuid !== undefined && slug !== undefined) {
    throw new ConfigError("Give --slug or --uuid, not both");
  }
  for (const [flag, value] of [["--uuid", uuid], ["--slug", slug]]) {
    const problem = value === undefined ? undefined : identifierProblem(value);
    if (problem !== undefined) throw new ConfigError(`${flag} ${problem}, got ${quoted(value)}`);
  }
  const parts = { clock: systemClock, logger: createLogger("registration") };
  const store = new IdentityStore(stateFolder, parts);
  if (uuid === undefined && slug === undefined) {
    const own = await store.read();
    if (own !== undefined) return { address: { uuid: own.uuid }, isHere: true, stateFolder };
    throw new ConfigError(
      `No node was ever registered with the state folder ${quoted(stateFolder)}`,
      { hint: "Name the node with --slug or --uuid" },
    );
  }
  // Whose it is does not matter when it cannot be read.
  const own = await store.peek().catch(() => undefined);
  const isHere = own !== undefined && (own.uuid === uuid || own.slug === slug);
  return { address: uuid === undefined ? { slug: slug! } : { uuid }, isHere, stateFolder };
}
