/**
 * What the runtime must allow this program. It is asked for at the start and never later: a missing
 * permission would make Deno prompt, or fail, in the middle of a job.
 *
 * @module
 */
import { MissingPermissionError } from "./errors.ts";

/** One thing that must be allowed. */
export interface Need {
  /** What. */
  readonly what: Deno.PermissionDescriptor;
  /** What for, as it ends a sentence: `read /etc/ca.pem (mqtt_tls_ca_certs)`. */
  readonly why: string;
  /** Whether the program also works without it, only slower. */
  readonly isOptional?: boolean;
}

/** Returns whether something is allowed, without asking the user. */
type Query = (what: Deno.PermissionDescriptor) => Deno.PermissionState;

const queryRuntime: Query = (what) => Deno.permissions.querySync(what).state;

/**
 * Makes sure that all of `needs` are allowed.
 *
 * @throws {MissingPermissionError} naming what is not, and the flags that would allow it
 */
export function requirePermissions(needs: readonly Need[], query: Query = queryRuntime): void {
  const missing = needs
    .filter(({ what, isOptional }) => !isOptional && query(what) !== "granted");
  if (missing.length === 0) return;
  const names = new Set(missing.map(({ what }) => what.name));
  const flags = permissionFlags(needs.filter(({ what }) => names.has(what.name)));
  throw new MissingPermissionError(
    `Deno does not allow this program to ${missing.map(inWords).join(", or to ")}`,
    {
      hint: `Add ${flags.join(" ")}; "cyberwave-cloud-node permissions" prints all that is needed`,
    },
  );
}

/**
 * The environment variables that this program may read: all of them, or those that are allowed when
 * the others are to be ignored.
 *
 * @throws {MissingPermissionError} when Deno would ask about the others
 */
export function readEnvironment(query: Query = queryRuntime): Record<string, string> {
  if (query({ name: "env" }) === "prompt") {
    throw new MissingPermissionError("Deno does not allow this program to read the environment", {
      hint: "Add --allow-env, or --ignore-env to leave out the variables that are not allowed",
    });
  }
  return Deno.env.toObject();
}

/** Whether what is at `path` may be read, without asking the user. */
export function mayRead(path: string, query: Query = queryRuntime): boolean {
  return query({ name: "read", path }) === "granted";
}

/** Whether the system may be asked for something, without asking the user. */
export function mayAsk(kind: "cpus" | "systemMemoryInfo", query: Query = queryRuntime): boolean {
  return query({ name: "sys", kind }) === "granted";
}

/** The need to read what is at `path`. */
export function readPermission(path: string, why: string): Need {
  return { what: { name: "read", path }, why };
}

/** Whether all environment variables can be read. */
export function readsWholeEnvironment(query: Query = queryRuntime): boolean {
  return query({ name: "env" }) === "granted";
}

/** The flags of `deno run` that allow all of `needs`, one for each kind of permission. */
export function permissionFlags(needs: readonly Need[]): string[] {
  const kinds = new Map<string, Set<string | undefined>>();
  for (const { what } of needs) {
    kinds.set(what.name, (kinds.get(what.name) ?? new Set()).add(valueOf(what)));
  }
  return Array.from(kinds, ([name, values]) => {
    const named = [...values].filter((value) => value !== undefined);
    // Without a value all is allowed. Nor can a value be named that holds the separator.
    const isWhole = values.has(undefined) || named.some((value) => value.includes(","));
    return isWhole ? `--allow-${name}` : `--allow-${name}=${named.join(",")}`;
  });
}

function valueOf(what: Deno.PermissionDescriptor): string | undefined {
  switch (what.name) {
    case "read":
    case "write":
    case "ffi":
      return what.path === undefined ? undefined : String(what.path);
    case "net":
    case "import":
      return what.host;
    case "run":
      return what.command === undefined ? undefined : String(what.command);
    case "env":
      return what.variable;
    case "sys":
      return what.kind;
  }
}

const VERBS: Readonly<Record<Deno.PermissionDescriptor["name"], string>> = {
  read: "read",
  write: "write",
  net: "connect to",
  run: "run",
  env: "read the environment variable",
  sys: "ask the system for",
  ffi: "load",
  import: "import from",
};

function inWords({ what, why }: Need): string {
  return `${VERBS[what.name]} ${valueOf(what) ?? "anything"} (${why})`;
}
