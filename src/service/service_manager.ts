/**
 * What a service is, whichever program supervises it.
 *
 * @module
 */
import { variablesFile } from "./network_variables.ts";

/** Whose service it is: the computer's, from its start on, or one user's. */
export type Scope = "system" | "user";

/** A node as a service. */
export interface Service {
  readonly scope: Scope;
  /** The program and its arguments. The program is an absolute path. */
  readonly command: readonly [string, ...string[]];
  /** The folder it starts in. Absolute. */
  readonly workFolder: string;
  /** The user it runs as, where that must be said. */
  readonly user: string | undefined;
  /** The home folder of its user; `""` where it does not matter. */
  readonly home: string;
  /** Environment variables. Never a secret: others may read what describes a service. */
  readonly environment: Readonly<Record<string, string>>;
  /** Environment variables that hold a password: they go into a file that only its user can read. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Where it keeps its state, if that was asked for. Absolute. */
  readonly stateFolder: string | undefined;
  /** Seconds it may take to stop. */
  readonly stopSeconds: number;
}

/** A command to run. */
export interface ServiceStep {
  readonly command: readonly [string, ...string[]];
  /** What to print when it fails, if the rest can go on. */
  readonly otherwise?: string;
}

/** How to install a service, remove it and look at it. */
export interface ServicePlan {
  /** The file that describes the service. */
  readonly file: { readonly path: string; readonly text: string };
  /** The file of its secret variables. Without `text` there are none, and none is there. */
  readonly secretFile: { readonly path: string; readonly text?: string };
  /** How the file is written. */
  readonly encoding: "utf-8" | "utf-16le";
  /** What to do once the file is there. */
  readonly install: readonly ServiceStep[];
  /** What to do before the file is removed. */
  readonly uninstall: readonly ServiceStep[];
  /** What to do once the file is removed. */
  readonly removed: readonly ServiceStep[];
  /** Shows the state of the service. */
  readonly status: readonly [string, ...string[]];
  /** Shows what it printed last. */
  readonly logs: readonly [string, ...string[]];
  /** Shows what it prints. */
  readonly follow: readonly [string, ...string[]];
  /** Starts it. */
  readonly start: readonly ServiceStep[];
  /** Stops it, until it is started or the computer is. */
  readonly stop: readonly ServiceStep[];
  /** Starts it again, as its user or an administrator would by hand. */
  readonly restart: readonly [string, ...string[]];
}

/** The file at `path` for the secret variables of a service. */
export function secretFile(
  { secrets }: Pick<Service, "secrets">,
  path: string,
): ServicePlan["secretFile"] {
  return Object.keys(secrets).length === 0 ? { path } : { path, text: variablesFile(secrets) };
}

/** The command of a service that Deno runs, with the file of its secret variables, if it has one. */
export function withEnvFile(
  command: Service["command"],
  { path, text }: ServicePlan["secretFile"],
): Service["command"] {
  const [deno, ...args] = command;
  if (text === undefined || args[0] !== "run") return command;
  return [deno, "run", `--env-file=${path}`, ...args.slice(1)];
}

/** The name of the service. */
export const SERVICE_NAME = "cyberwave-cloud-node";

/** How many lines of its log are shown. */
export const LOG_LINES = "200";
