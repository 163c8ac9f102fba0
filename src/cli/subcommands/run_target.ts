/**
 * Which node `run` speaks to.
 *
 * @module
 */
import type { NodeAddress } from "../../client/client_session.ts";
import { ConfigError, quoted } from "../../errors.ts";
import { createLogger } from "../../log.ts";
import { identifierProblem } from "../../protocol/identifiers.ts";
import { IdentityStore } from "../../registration/identity.ts";
import { systemClock } from "../../time.ts";
import type { Arguments } from "../arguments.ts";

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
  const [uuid, slug, pool] = ["uuid", "slug", "pool"].map((flag) => args.value(flag));
  const given = Object.entries({ uuid, slug, pool }).filter(([, value]) => value !== undefined);
  if (given.length > 1) throw new ConfigError("Give --slug, --uuid or --pool: one of them");
  for (const [flag, value] of given) {
    const problem = identifierProblem(value);
    if (problem !== undefined) throw new ConfigError(`--${flag} ${problem}, got ${quoted(value)}`);
  }
  if (pool !== undefined) return { address: { pool }, isHere: false, stateFolder };
  const parts = { clock: systemClock, logger: createLogger("registration") };
  const store = new IdentityStore(stateFolder, parts);
  if (uuid === undefined && slug === undefined) {
    const own = await store.read();
    if (own !== undefined) return { address: { uuid: own.uuid }, isHere: true, stateFolder };
    throw new ConfigError(
      `No node was ever registered with the state folder ${quoted(stateFolder)}`,
      { hint: "Name the node with --slug or --uuid, or a pool with --pool" },
    );
  }
  // Whose it is does not matter when it cannot be read.
  const own = await store.peek().catch(() => undefined);
  const isHere = own !== undefined && (own.uuid === uuid || own.slug === slug);
  return { address: uuid === undefined ? { slug: slug! } : { uuid }, isHere, stateFolder };
}
