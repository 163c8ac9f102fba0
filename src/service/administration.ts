/**
 * Carries out what a plan says.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { CloudNodeError, ConfigError, messageOf, quoted } from "../errors.ts";
import type { ServicePlan, ServiceStep } from "./service_manager.ts";

/** A program that administers services is missing, or refuses. */
class ServiceError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** Where the steps are reported as they are done. */
type Print = (line: string) => void;

/** Installs the service, or brings one that is installed up to date, and starts it. */
export async function install(plan: ServicePlan, print: Print): Promise<void> {
  await requirePrograms(plan.install);
  print(`${writeServiceFile(plan) ? "Wrote" : "Unchanged:"} ${plan.file.path}`);
  if (writeSecretFile(plan)) print(`Wrote ${plan.secretFile.path} (mode 0600)`);
  await carryOut(plan.install, print);
}

/** Removes the versions of packages of an earlier installation, so that the next has the newest. */
export function removeLockFile(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch (error) {
    throw notAllowed(`Cannot remove ${quoted(path)}`, error);
  }
}

/** Stops the service and removes it; its state and work that runs remain. */
export async function uninstall(plan: ServicePlan, print: Print): Promise<void> {
  const { path } = plan.file;
  if (!fs.existsSync(path)) {
    print(`There is no ${path}: nothing to remove`);
    return;
  }
  await requirePrograms(plan.uninstall);
  await carryOut(plan.uninstall, print);
  try {
    fs.rmSync(path, { force: true });
    fs.rmSync(plan.secretFile.path, { force: true });
  } catch (error) {
    throw notAllowed(`Cannot remove ${quoted(path)}`, error);
  }
  print(`Removed ${path}`);
  await carryOut(plan.removed, print);
  print("State and running work remain");
}

/** Starts, stops or restarts a service that is installed. */
export async function control(
  plan: ServicePlan,
  action: "start" | "stop" | "restart",
  print: Print,
): Promise<void> {
  const { path } = plan.file;
  if (!fs.existsSync(path)) {
    throw new ServiceError(`The service is not installed: there is no ${path}`, {
      hint: "service install installs and starts it; --user and --system say whose it is",
    });
  }
  const steps = action === "restart" ? [...plan.stop, ...plan.start] : plan[action];
  await requirePrograms(steps);
  await carryOut(steps, print);
}

/** Runs a command on this terminal. Resolves with its exit code. */
export async function show(command: ServiceStep["command"]): Promise<number> {
  await requirePrograms([{ command }]);
  return (await process(command, "inherit").spawn().status).code;
}

/** The home folder of another user of this computer. */
export async function homeOf(user: string): Promise<string> {
  checkUser(user);
  const { stdout } = await process(["sh", "-c", 'eval "echo ~$1"', "sh", user], "piped").output();
  const home = new TextDecoder().decode(stdout).trim();
  if (home.startsWith("/")) return home;
  throw new ConfigError(`There is no user ${quoted(user)} on this computer`);
}

/** The command that runs `words` as another user, with these variables. */
export function commandAs(
  user: string,
  variables: Readonly<Record<string, string>>,
  words: readonly string[],
): [string, ...string[]] {
  const assigned = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return Deno.build.os === "darwin"
    ? ["sudo", "-E", "-u", user, "env", ...assigned, ...words]
    : ["runuser", "-u", user, "--", "env", ...assigned, ...words];
}

/** Refuses what is not a user name: it goes into files and commands. */
export function checkUser(user: string): void {
  if (/^[a-z_][\w.-]*$/i.test(user)) return;
  throw new ConfigError(`${quoted(user)} is not a user name`);
}

/** Writes the file. Returns whether that changed anything. */
function writeServiceFile({ file: { path, text }, encoding }: ServicePlan): boolean {
  const bytes = encoding === "utf-8" ? Buffer.from(text) : Buffer.from(`\ufeff${text}`, "utf16le");
  try {
    if (fs.existsSync(path) && fs.readFileSync(path).equals(bytes)) return false;
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, bytes);
    fs.chmodSync(path, 0o644);
    return true;
  } catch (error) {
    throw notAllowed(`Cannot write ${quoted(path)}`, error);
  }
}

/** Writes the file of secret variables, or removes the one of an earlier time. Returns whether there is one. */
function writeSecretFile({ secretFile: { path, text } }: ServicePlan): boolean {
  try {
    fs.rmSync(path, { force: true });
    if (text === undefined) return false;
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    throw notAllowed(`Cannot write ${quoted(path)}`, error);
  }
}

function notAllowed(attempt: string, error: unknown): ConfigError {
  return new ConfigError(`${attempt}: ${messageOf(error)}`, {
    hint: "--system needs sudo; --user installs it for you alone",
    cause: error,
  });
}

async function carryOut(steps: readonly ServiceStep[], print: Print): Promise<void> {
  for (const { command, otherwise } of steps) {
    const { success, code, stderr } = await process(command, "piped").output();
    const shown = command.join(" ");
    if (success) print(`Ran ${shown}`);
    else if (otherwise !== undefined) print(`Ran ${shown}, which failed: ${otherwise}`);
    else {
      const why = new TextDecoder().decode(stderr).trim();
      throw new ServiceError(`${quoted(shown)} failed with code ${code}: ${why}`, { hint: PRINT });
    }
  }
}

const PRINT =
  "service install --print prints the definition of the service, to be installed by hand";

async function requirePrograms(steps: readonly ServiceStep[]): Promise<void> {
  if (WINDOWS) return;
  for (const program of new Set(steps.map(({ command }) => command[0]))) {
    const find = ["sh", "-c", 'command -v "$1"', "sh", program] as const;
    if ((await process(find, "piped").output()).success) continue;
    throw new ServiceError(`There is no ${quoted(program)} on this computer`, { hint: PRINT });
  }
}

const WINDOWS = Deno.build.os === "windows";

/** Through the shell where there is one, which is all that this program need be allowed to run. */
function process(
  [program, ...args]: ServiceStep["command"],
  output: "inherit" | "piped",
): Deno.Command {
  const [first, before] = WINDOWS || program === "sh"
    ? [program, []]
    : ["sh", ["-c", 'exec "$@"', "sh", program]];
  return new Deno.Command(first, {
    args: [...before, ...args],
    stdin: output === "inherit" ? "inherit" : "null",
    stdout: output,
    stderr: output,
  });
}
