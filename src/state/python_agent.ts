/**
 * What the Python agent, which the node replaces, left on this computer: the service that
 * `cyberwave compute install` set up, and workloads that still run. Changes nothing.
 *
 * @module
 */
import { startTimes } from "../os/processes.ts";
import { mayRead } from "../permissions.ts";
import { readStateFile } from "./state_file.ts";

/** What was found of the Python agent. */
export interface PythonAgent {
  /** The definition of its service, in which it starts with the computer. */
  readonly definition: string | undefined;
  /** A drop-in that starts it whatever the unit says. */
  readonly override: Override | undefined;
  /** Its workloads that still run. Only it can report how they end. */
  readonly workloads: readonly AgentWorkload[];
}

/** A drop-in of its unit. */
interface Override {
  /** Where it is. */
  readonly path: string;
  /** The config file that it names. */
  readonly configPath: string | undefined;
}

/** A workload of the Python agent. */
interface AgentWorkload {
  /** Its process. */
  readonly pid: number;
  /** What kind of command it is: `training`. */
  readonly kind: string;
}

/** Where the Python agent has its files. */
export interface AgentPlaces {
  /** Definitions of its service. */
  readonly definitions: readonly string[];
  /** The drop-in of its unit. */
  readonly override: string;
  /** Lists of its workloads. */
  readonly workloads: readonly string[];
}

const UNIT = "/etc/systemd/system/cyberwave-cloud-node.service";

/** The places on a computer whose user has the home folder `home`. */
export function agentPlaces(home: string): AgentPlaces {
  // As a service of the computer it ran as root.
  const homes = new Set([home, "/root"]);
  return {
    definitions: [UNIT, `${home}/Library/LaunchAgents/com.cyberwave.cloud-node.plist`],
    override: `${UNIT}.d/override.conf`,
    workloads: Array.from(homes, (folder) => `${folder}/.cyberwave/active_workloads.json`),
  };
}

/** Looks for it. What cannot be read counts as missing. */
export async function findPythonAgent(places: AgentPlaces): Promise<PythonAgent> {
  const override = textOf(places.override);
  return {
    definition: places.definitions.find((path) => isAgentService(textOf(path))),
    override: replacesCommand(override)
      ? { path: places.override, configPath: configIn(override) }
      : undefined,
    workloads: await running(places.workloads.flatMap((path) => workloadsIn(textOf(path)))),
  };
}

function textOf(path: string): string {
  try {
    return mayRead(path) ? readStateFile(path) ?? "" : "";
  } catch {
    return "";
  }
}

/** Whether `cyberwave compute install` wrote this unit or property list. */
export function isAgentService(text: string): boolean {
  // Units of the node say who wrote them, and are of the type "notify".
  return /^Type=simple\n(?:.*\n)*?ExecStart=\S*\/cyberwave-cloud-node start$/m.test(text) ||
    /<key>Label<\/key>\s*<string>com\.cyberwave\.cloud-node<\/string>/.test(text);
}

/** Whether a drop-in empties the unit's command and puts another in its place. */
export function replacesCommand(text: string): boolean {
  return /^ExecStart=\s*\n(?:.*\n)*?ExecStart=.*\bcyberwave-cloud-node\b/m.test(text);
}

function configIn(text: string): string | undefined {
  const [, quoted, plain] = /--config (?:'([^']*)'|(\S+))/.exec(text) ?? [];
  return quoted ?? plain;
}

/** The workloads that an `active_workloads.json` lists; none when it is something else. */
export function workloadsIn(text: string): AgentWorkload[] {
  try {
    return Object.values(JSON.parse(text)).flatMap((workload) => {
      const { pid, workload_type } = workload as { pid?: unknown; workload_type?: unknown };
      return Number.isSafeInteger(pid) && Number(pid) > 1
        ? [{ pid: Number(pid), kind: String(workload_type) }]
        : [];
    });
  } catch {
    return [];
  }
}

async function running(workloads: readonly AgentWorkload[]): Promise<AgentWorkload[]> {
  if (workloads.length === 0) return [];
  const alive = await startTimes(workloads.map(({ pid }) => pid));
  return workloads.filter(({ pid }) => alive.has(pid));
}
