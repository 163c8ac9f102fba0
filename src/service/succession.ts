/**
 * Whether a service may take the place of the Python agent's. Pure.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import type { PythonAgent } from "../state/python_agent.ts";
import type { ServicePlan } from "./service_manager.ts";

/**
 * What to report of the Python agent before the service is installed.
 *
 * @throws {ConfigError} when its workloads would be lost, or it would be started again
 */
export function succeed(agent: PythonAgent, { file }: Pick<ServicePlan, "file">): string[] {
  const { definition, override, workloads } = agent;
  const replaces = definition === file.path;
  // Once the agent is stopped nobody reports how they end.
  if (definition !== undefined && workloads.length > 0) {
    const running = workloads.map(({ kind, pid }) => `${kind} (process ${pid})`).join(", ");
    throw new ConfigError(
      `The Python agent still runs ${running}, and only it can report the end`,
      {
        hint: `Try again when it has ended, or stop the agent and its work: ${stopOf(definition)}`,
      },
    );
  }
  if (override !== undefined && file.path === override.path.replace(/\.d\/override\.conf$/, "")) {
    const { path, configPath = "..." } = override;
    throw new ConfigError(`${quoted(path)} replaces the command of any unit that is installed`, {
      hint: `"cyberwave compute" wrote it. Remove it (sudo rm ${path}) and install the service ` +
        `with --config ${quoted(configPath)}`,
    });
  }
  if (replaces) return ['Replaces the unit that "cyberwave compute install" wrote'];
  if (definition === undefined) return [];
  return [
    `The Python agent is installed as well, and both would take commands: ${stopOf(definition)}`,
  ];
}

/** How to stop the agent for good. */
function stopOf(definition: string): string {
  return definition.endsWith(".plist")
    ? `launchctl bootout gui/$(id -u)/com.cyberwave.cloud-node && rm ${definition}`
    : "sudo systemctl disable --now cyberwave-cloud-node";
}
