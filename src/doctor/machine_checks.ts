/**
 * Whether this computer has what a node needs.
 *
 * @module
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { messageOf, quoted } from "../errors.ts";
import type { Identity } from "../registration/identity.ts";
import { freeBytes, MIN_FREE_BYTES } from "../state/private_folder.ts";
import { lockHolder } from "../state/lock.ts";
import { type AgentPlaces, findPythonAgent, type PythonAgent } from "../state/python_agent.ts";
import { askShell } from "../os/ask_shell.ts";
import { findShell } from "../os/processes.ts";
import type { WhoAmI } from "./broker_checks.ts";
import { type Check, fail, type Finding, ok, warn } from "./finding.ts";
import { bytes } from "./quantities.ts";

const LITTLE_BYTES = 2 ** 30;
const STICKY = 0o1000;
const OTHERS = 0o077;

/** Whether the state folder can be written to, by this user alone, and has room. */
export function diskCheck(stateFolder: string): Check {
  return { name: "disk", run: () => Promise.resolve(diskFinding(stateFolder)) };
}

function diskFinding(stateFolder: string): Finding {
  const name = quoted(stateFolder);
  const elsewhere = "or name another with --state-folder";
  try {
    const stat = fs.statSync(stateFolder, { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory()) {
      return fail(`${name} is not a folder`, `Remove it, ${elsewhere}`);
    }
    if (stat !== undefined && (stat.mode & STICKY) !== 0) {
      return fail(
        `${name} is shared with others`,
        "Name a folder of its own, such as one below it",
      );
    }
    const existing = stat === undefined ? nearestExisting(stateFolder) : stateFolder;
    tryToWrite(existing);
    return spaceFinding(name, freeBytes(existing), stat);
  } catch (error) {
    return fail(
      `${name} cannot be written to: ${messageOf(error)}`,
      `Let this user write there, ${elsewhere}`,
    );
  }
}

function spaceFinding(name: string, free: number, stat: fs.Stats | undefined): Finding {
  const room = `${bytes(free)} free`;
  const found = `${name}, ${room}${
    stat === undefined ? ", will be created at the first start" : ""
  }`;
  if (free < MIN_FREE_BYTES) {
    return fail(found, `Free some space: below ${bytes(MIN_FREE_BYTES)} the node takes no command`);
  }
  if (free < LITTLE_BYTES) return warn(found, "Free some space");
  if (stat !== undefined && Deno.build.os !== "windows" && (stat.mode & OTHERS) !== 0) {
    return warn(
      `${found}, but others can read it`,
      `chmod 700 ${name}; the node does so when it starts`,
    );
  }
  return ok(found);
}

function nearestExisting(path: string): string {
  return fs.existsSync(path) ? path : nearestExisting(dirname(path));
}

function tryToWrite(folder: string): void {
  const path = `${folder}/.cyberwave-doctor-${crypto.randomUUID()}`;
  fs.writeFileSync(path, "written to see whether that works\n", { mode: 0o600, flag: "wx" });
  fs.rmSync(path);
}

/** Who the node is, and whether it runs. */
export function nodeCheck(stateFolder: string, whoAmI: WhoAmI): Check {
  return {
    name: "node",
    async run() {
      let identity: Identity | undefined;
      try {
        identity = await whoAmI();
      } catch (error) {
        return warn(
          `the stored identity is not usable: ${messageOf(error)}`,
          "The node sets it aside when it starts, and registers as a new one",
        );
      }
      const name = identity === undefined
        ? "not registered yet"
        : `registered as ${quoted(identity.slug)} (${identity.uuid})`;
      const pid = lockHolder(stateFolder);
      return ok(pid === undefined ? `${name}, not running` : `${name}, running as process ${pid}`);
    },
  };
}

/** Whether the Python agent, which the node replaces, is still there. */
export function agentCheck(places: AgentPlaces): Check {
  return { name: "agent", run: async () => agentFinding(await findPythonAgent(places)) };
}

function agentFinding({ definition, override, workloads }: PythonAgent): Finding {
  const fix = 'See "Coming from the Python agent" in the documentation';
  if (workloads.length > 0) {
    const pids = workloads.map(({ pid }) => pid).join(", ");
    return warn(`the Python agent's workloads still run: process ${pids}`, fix);
  }
  if (override !== undefined) {
    return warn(
      `${quoted(override.path)} replaces the command of the installed service`,
      `Remove it, then run service install --config ${quoted(override.configPath ?? "...")}`,
    );
  }
  if (definition !== undefined) {
    return warn(`${quoted(definition)} was written by "cyberwave compute install"`, fix);
  }
  return ok("no Python agent is installed");
}

/** Whether there are the shells that workloads run under. */
export function shellCheck(): Check {
  return {
    name: "shell",
    async run(signal) {
      const shell = await findShell();
      if (shell === "sh") {
        const detail = "there is no bash: templates run under sh";
        return warn(detail, "Install bash, which templates are written for");
      }
      const { stdout } = await askShell("bash", ["-c", 'echo "$BASH_VERSION"'], signal);
      return ok(`bash ${stdout.trim()}, and sh`);
    },
  };
}

const OLDEST_DENO = [2, 6] as const;

/** Whether this Deno is recent enough. */
export function denoCheck(version: { deno: string; v8: string } = Deno.version): Check {
  return {
    name: "deno",
    run() {
      const [major = 0, minor = 0] = version.deno.split(".").map(Number);
      const found = `${version.deno} (V8 ${version.v8}, ${Deno.build.target})`;
      const [oldMajor, oldMinor] = OLDEST_DENO;
      const isOld = major < oldMajor || (major === oldMajor && minor < oldMinor);
      return Promise.resolve(
        isOld
          ? fail(`${found} is too old`, `Install ${OLDEST_DENO.join(".")} or newer: deno upgrade`)
          : ok(found),
      );
    },
  };
}
