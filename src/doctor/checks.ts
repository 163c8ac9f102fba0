/**
 * All checks.
 *
 * @module
 */
import { type LoadedSettings, withDotenv } from "../config/load.ts";
import { createLogger } from "../log.ts";
import { OS } from "../os/current.ts";
import { readEnvironment } from "../permissions.ts";
import { IdentityStore } from "../registration/identity.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import { agentPlaces } from "../state/python_agent.ts";
import type { Clock } from "../time.ts";
import { backendCheck, clockCheck, tokenCheck } from "./backend_checks.ts";
import { brokerCheck, commandsCheck } from "./broker_checks.ts";
import type { Review } from "./config_review.ts";
import { type Check, fail, type Finding, ok, warn } from "./finding.ts";
import { agentCheck, denoCheck, diskCheck, nodeCheck, shellCheck } from "./machine_checks.ts";
import { gpuCheck } from "./gpu_check.ts";
import { tracesCheck } from "./traces_check.ts";
import { type AskNode, warmChecks } from "./warm_checks.ts";

/** The checks for a configuration, in the order in which they are printed. */
export function checksFor(review: Review, clock: Clock, askNode: AskNode): Check[] {
  const { loaded } = review;
  const { settings } = loaded;
  const parts = { clock, logger: createLogger("registration") };
  const identity = new IdentityStore(settings.stateFolder, parts);
  // The check of the node reports an unusable identity; for the others there is none.
  const whoAmI = () => identity.peek().catch(() => undefined);
  const network = [
    tokenCheck(loaded),
    backendCheck(settings, clock),
    clockCheck(settings, clock),
    brokerCheck(settings, whoAmI, clock),
    commandsCheck(settings, whoAmI),
  ];
  return [
    { name: "config", run: () => Promise.resolve(configFinding(review)) },
    ...variablesCheck(review),
    ...review.isComplete ? network : network.map(postponed),
    diskCheck(settings.stateFolder),
    nodeCheck(settings.stateFolder, () => identity.peek()),
    ...warmChecks(settings, askNode),
    ...tracesCheck(withDotenv(readEnvironment(), loaded), clock),
    agentCheck(agentPlaces(readEnvironment()[OS.homeVariable] ?? "")),
    shellCheck(),
    gpuCheck(settings),
    denoCheck(),
  ];
}

/** A check that is skipped, since it would check defaults instead of what is configured. */
function postponed({ name }: Check): Check {
  const finding = warn("not checked: first correct the configuration");
  return { name, run: () => Promise.resolve(finding) };
}

function configFinding({ loaded, problems, warnings }: Review): Finding {
  const [problem] = problems;
  if (problem !== undefined) {
    return fail(
      problem.detail + more(problems),
      problem.fix ?? 'Correct it; "cyberwave-cloud-node validate" lists every problem',
    );
  }
  const [warning] = warnings;
  if (warning !== undefined) return warn(warning.detail + more(warnings), warning.fix);
  return ok(summary(loaded));
}

/** The names of the variables that workloads are given beside the node's own. */
function variablesCheck({ variables }: Review): Check[] {
  const finding = ok(variables.join("; "));
  return variables.length === 0 ? [] : [{ name: "variables", run: () => Promise.resolve(finding) }];
}

function more(findings: readonly unknown[]): string {
  return findings.length === 1 ? "" : ` (and ${findings.length - 1} more)`;
}

function summary({ settings, configFile }: LoadedSettings): string {
  const kinds = WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined);
  return `${configFile ?? "the environment"} configures ${kinds.join(", ")}`;
}
