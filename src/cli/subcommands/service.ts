/**
 * `service`: the node as a service of this computer.
 *
 * @module
 */
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Settings } from "../../config/config.ts";
import { INSTALL_GRACE_MS } from "../../node/install.ts";
import { flagOptions } from "../../config/settings/settings_help.ts";
import { loadSettings, locateState } from "../../config/load.ts";
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import { OS } from "../../os/current.ts";
import { readEnvironment } from "../../permissions.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";
import {
  checkUser,
  commandAs,
  control,
  homeOf,
  install,
  removeLockFile,
  show,
  uninstall,
} from "../../service/administration.ts";
import { launchdPlan } from "../../service/launchd.ts";
import { networkVariables } from "../../service/network_variables.ts";
import type { Scope, Service, ServicePlan, ServiceStep } from "../../service/service_manager.ts";
import { succeed } from "../../service/succession.ts";
import { systemdPlan } from "../../service/systemd.ts";
import { taskPlan } from "../../service/task_scheduler.ts";
import { lockHolder } from "../../state/lock.ts";
import { leaveUnloadMark, takeUnloadMark } from "../../state/unload_mark.ts";
import { agentPlaces, findPythonAgent } from "../../state/python_agent.ts";
import type { Arguments } from "../arguments.ts";
import { PROGRAM } from "../subcommand.ts";
import { cacheWords, denoVariables, serviceWords, shellWord } from "../invocation.ts";
import { print, report } from "../terminal/terminal.ts";

/** The actions, and the flags that make sense with one only. */
const ACTIONS = ["install", "uninstall", "start", "stop", "restart", "status", "logs"] as const;
const ONLY_WITH: readonly (readonly [flag: string, action: string])[] = [
  ["print", "install"],
  ["follow", "logs"],
];

/** How many seconds the node may take to stop beyond `stop_timeout`. */
const SPARE_SECONDS = 10;

/** Carries out the action. */
export async function run(args: Arguments): Promise<number> {
  const action = ACTIONS.find((name) => name === args.operands[0]);
  if (action === undefined) {
    throw new ConfigError(`${quoted("service")} cannot ${quoted(args.operands[0])}`, {
      hint: `It can ${ACTIONS.join(", ")}`,
    });
  }
  for (const [flag, only] of ONLY_WITH) {
    if (args.has(flag) && action !== only) {
      throw new ConfigError(`--${flag} goes with "service ${only}" only`);
    }
  }
  const caller = identifyCaller(args);
  const settings = action === "install" ? await settingsOf(args, caller) : undefined;
  const service = await describe(args, caller, settings);
  const plan = planFor(service, caller);
  switch (action) {
    case "install":
      if (args.has("print")) printFile(plan);
      else {
        const agent = await findPythonAgent(agentPlaces(await homeFolder(caller, false)));
        for (const line of succeed(agent, plan)) report(line);
        const lock = lockFile(args, caller, settings);
        if (lock !== undefined) removeLockFile(lock);
        const cache = cacheStep(args, caller, service, lock);
        await installAndReport({ ...plan, install: [...cache, ...plan.install] }, settings);
      }
      return 0;
    case "uninstall":
      await unloading(args, caller, () => uninstall(plan, print));
      return 0;
    case "stop":
      await unloading(args, caller, () => control(plan, "stop", print));
      return 0;
    case "start":
    case "restart":
      await control(plan, action, print);
      return 0;
    case "status":
      return await show(plan.status);
    case "logs":
      return await show(args.has("follow") ? plan.follow : plan.logs);
  }
}

/** Stops the service for longer, so that its node ends its workers and servers. */
async function unloading(
  args: Arguments,
  caller: Caller,
  stop: () => Promise<void>,
): Promise<void> {
  let folder: string | undefined;
  try {
    folder = await runningFolder(args, caller);
    if (folder !== undefined) leaveUnloadMark(folder);
  } catch (error) {
    report(`Workers and servers stay loaded for keep_loaded: ${messageOf(error)}`);
  }
  try {
    await stop();
  } finally {
    // A node that still runs was not stopped.
    if (folder !== undefined && lockHolder(folder) !== undefined) takeUnloadMark(folder);
  }
}

/** The state folder of the service's node; `undefined`: none runs there. */
async function runningFolder(args: Arguments, caller: Caller): Promise<string | undefined> {
  const { stateFolder } = await locateState({
    configPath: args.value("config"),
    flags: args.flags,
    env: { [OS.homeVariable]: await homeFolder(caller, false) },
    cwd: Deno.cwd(),
  });
  return lockHolder(stateFolder) === undefined ? undefined : stateFolder;
}

/** The user who runs this, and the user of the service. */
interface Caller {
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly scope: Scope;
  /** The user the service runs as. */
  readonly user: string;
  /** Whether that is the user who runs this. */
  readonly isSelf: boolean;
}

function identifyCaller(args: Arguments): Caller {
  const env = readEnvironment();
  const uid = Deno.uid() ?? -1;
  const [system, own] = [args.has("system"), args.has("user")];
  if (system && own) throw new ConfigError("Give --system or --user, not both");
  const scope = system || (uid === 0 && !own) ? "system" : "user";
  const runAs = args.value("run-as");
  if (runAs !== undefined && scope === "user") throw new ConfigError("--run-as needs --system");
  const self = uid === 0 ? "root" : env.USER || env.LOGNAME || env.USERNAME || "";
  const user = runAs ?? (scope === "system" && env.SUDO_USER || self);
  if (user === "") {
    throw new ConfigError("Cannot determine which user this is: USER is not set", {
      hint: "Set USER to the name of your user",
    });
  }
  checkUser(user);
  return { env, uid, scope, user, isSelf: user === self };
}

/** The settings that the service will find. */
async function settingsOf(args: Arguments, caller: Caller): Promise<Settings | undefined> {
  try {
    const home = await homeFolder(caller, args.has("print"));
    const { settings } = await loadSettings({
      configPath: args.value("config"),
      flags: args.flags,
      env: { [OS.homeVariable]: home },
      cwd: Deno.cwd(),
    });
    return settings;
  } catch (error) {
    // A package is built where its config file and its user are not.
    if (error instanceof ConfigError && args.has("print")) return undefined;
    throw error;
  }
}

async function homeFolder({ env, user, isSelf }: Caller, printing: boolean): Promise<string> {
  if (isSelf && env[OS.homeVariable]) return env[OS.homeVariable]!;
  if (printing && Deno.build.os === "linux") return "";
  return await homeOf(user);
}

async function describe(
  args: Arguments,
  caller: Caller,
  settings: Settings | undefined,
): Promise<Service> {
  const { scope, user } = caller;
  const config = args.value("config");
  const stateFolder = args.value("state-folder");
  const { stopTimeout = 10 } = settings ?? {};
  // Who makes a package says nothing about the computers on which it will run.
  const isOwn = args.value("exec-start") === undefined;
  const network = networkVariables(isOwn ? caller.env : {});
  return {
    scope,
    command: [...programOf(args, lockFile(args, caller, settings)), "start", ...flagsOfStart(args)],
    workFolder: config === undefined ? Deno.cwd() : dirname(resolve(config)),
    user: scope === "system" || Deno.build.os === "windows" ? user : undefined,
    home: await homeFolder(caller, true),
    environment: { ...pathOf(caller), ...(isOwn ? denoVariables() : {}), ...network.plain },
    secrets: readsSecrets() ? network.secret : {},
    stateFolder: stateFolder === undefined ? undefined : resolve(stateFolder),
    stopSeconds: Math.ceil(
      Math.max(stopTimeout, INSTALL_GRACE_MS / 1000) + unloadSecondsOf(settings),
    ) + SPARE_SECONDS,
  };
}

/** How many seconds workers and servers may take to end. */
function unloadSecondsOf(settings: Settings | undefined): number {
  const programs = WORKLOAD_KINDS.map((kind) => settings?.[kind]);
  return Math.max(...programs.map((each) => each && "keepLoaded" in each ? each.unloadTimeout : 0));
}

function programOf(args: Arguments, lock: string | undefined): [string, ...string[]] {
  const path = args.value("exec-start");
  if (path === undefined) return serviceWords(lock);
  if (isAbsolute(path)) return [path];
  throw new ConfigError(`--exec-start must be an absolute path, got ${quoted(path)}`);
}

/** The flags for `start`, with paths that hold in any folder. */
function flagsOfStart(args: Arguments): string[] {
  return ["config", ...flagOptions.string].flatMap((name) => {
    const value = args.value(name);
    if (value === undefined) return [];
    return [`--${name}`, PATHS.includes(name) ? resolve(value) : value];
  });
}

const PATHS = ["config", "state-folder"];

/** The tools that workloads use are on the PATH of their user, which is not that of services. */
function pathOf({ env, isSelf }: Caller): Record<string, string> {
  return isSelf && env.PATH ? { PATH: env.PATH } : {};
}

function planFor(service: Service, { env, uid }: Caller): ServicePlan {
  switch (Deno.build.os) {
    case "darwin":
      return launchdPlan(service, uid);
    case "windows":
      return taskPlan(service);
    default:
      return systemdPlan(service, env.XDG_CONFIG_HOME || `${service.home}/.config`);
  }
}

/** Whether a service of this program can be given a file of variables: a binary reads none itself. */
function readsSecrets(): boolean {
  return Deno.build.os === "linux" || !Deno.build.standalone;
}

/** The file with the versions of the program's packages; `undefined`: its folder is unknown. */
function lockFile(args: Arguments, caller: Caller, settings?: Settings): string | undefined {
  if (args.value("exec-start") !== undefined) return undefined;
  if (args.has("print") && !caller.isSelf) return undefined;
  return settings && join(settings.stateFolder, "deno.lock");
}

/** What stores the program's packages for the service's user: it starts from there alone. */
function cacheStep(
  args: Arguments,
  { user, isSelf }: Caller,
  service: Service,
  lock: string | undefined,
): ServiceStep[] {
  const words = cacheWords(lock);
  if (words === undefined || args.value("exec-start") !== undefined) return [];
  if (isSelf || Deno.build.os === "windows") return [{ command: words }];
  return [{ command: commandAs(user, { ...denoVariables(), HOME: service.home }, words) }];
}

/** Shows the file of the service, and names the variables that belong into a file of their own. */
function printFile({ file, secretFile: { path, text } }: ServicePlan): void {
  print(file.text.trimEnd());
  if (text === undefined) return;
  const names = [...text.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
  report(`Write ${names.join(" and ")} of your shell to ${path} (mode 0600): they hold a password`);
}

async function installAndReport(plan: ServicePlan, settings: Settings | undefined): Promise<void> {
  await install(plan, print);
  const env = readEnvironment();
  const unseen = [
    ...Object.keys(env).filter((name) => name.startsWith("CYBERWAVE_")),
    ...readsSecrets() ? [] : Object.keys(networkVariables(env).secret),
  ].sort();
  if (unseen.length > 0) {
    report(`The service does not see these variables of your shell: ${unseen.join(", ")}`);
  }
  if (settings !== undefined && settings.token === undefined) {
    report(
      `The service finds no API token: write CYBERWAVE_API_TOKEN=... to ` +
        `${settings.stateFolder}/.env (mode 0600, readable by the service's user), then run ` +
        plan.restart.map(shellWord).join(" "),
    );
  }
  print(`Next: ${PROGRAM} service status, ${PROGRAM} service logs -f`);
}
