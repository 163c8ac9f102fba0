/**
 * `print`: manifests that run nodes on other machines.
 *
 * @module
 */
import { loadSettings } from "../../config/load.ts";
import { positiveCount } from "../../config/values/numbers.ts";
import { ConfigError, quoted } from "../../errors.ts";
import type { Service } from "../../service/service_manager.ts";
import { unit } from "../../service/systemd.ts";
import type { Arguments } from "../arguments.ts";
import { VERSION } from "../help.ts";
import { kubernetesManifest } from "./kubernetes_manifests.ts";
import { loadOptions } from "../load_settings.ts";
import { composeFile, type Manifest, slurmScript } from "./manifests.ts";
import { print, report } from "../terminal/terminal.ts";

/** The hour that a drain may take unless somebody says otherwise. */
const DRAIN_SECONDS = 3_600;

const WRITERS: Readonly<Record<string, (manifest: Manifest) => string>> = {
  kubernetes: kubernetesManifest,
  compose: composeFile,
  systemd: systemdUnit,
  slurm: slurmScript,
};

/** Prints one. */
export async function run(args: Arguments): Promise<number> {
  const [kind = ""] = args.operands;
  const write = Object.hasOwn(WRITERS, kind) ? WRITERS[kind] : undefined;
  if (write === undefined) {
    throw new ConfigError(`There is no manifest for ${quoted(kind)}`, {
      hint: `There are manifests for ${Object.keys(WRITERS).join(", ")}`,
    });
  }
  const { settings, warnings } = await loadSettings(loadOptions(args));
  for (const warning of warnings) report(warning);
  print(
    write({
      name: nameFrom(args, settings.pool),
      image: lineOf(args, "image") ?? `cyberwave-cloud-node:${VERSION}`,
      pool: settings.pool,
      environment: settings.environment,
      serves: {
        inference: settings.inference !== undefined || settings.simulate !== undefined,
        training: settings.training !== undefined,
      },
      replicas: countOf(args, "replicas") ?? 2,
      gpus: countOf(args, "gpus") ?? 0,
      drainSeconds: Math.ceil(args.seconds("drain-within") ?? DRAIN_SECONDS),
      stopSeconds: Math.ceil(settings.stopTimeout) + 5,
      ownsMachines: args.has("daemon-set"),
    }).trimEnd(),
  );
  return 0;
}

/** Kubernetes and Slurm take the same words as a name, at any place where one is needed. */
function nameFrom(args: Arguments, pool: string | undefined): string {
  const given = args.value("name");
  const name = given ?? nameOf(pool);
  if (/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return name;
  throw new ConfigError(`${quoted(name)} cannot be a name in a manifest`, {
    hint: "Give --name: up to 40 small letters, digits and hyphens, beginning with a letter",
  });
}

/** The name for a pool, whose own may have characters that names cannot have. */
function nameOf(pool: string | undefined): string {
  if (pool === undefined) return "cloud-node";
  const words = pool.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== "");
  return ["cloud-node", ...words].join("-");
}

function lineOf(args: Arguments, flag: string): string | undefined {
  const value = args.value(flag);
  if (value === undefined || /^[\x21-\x7e]+$/.test(value)) return value;
  throw new ConfigError(`--${flag} must be a single word, got ${quoted(value)}`);
}

function countOf(args: Arguments, flag: string): number | undefined {
  const value = args.value(flag);
  if (value === undefined) return undefined;
  const parsed = positiveCount.parse(value);
  if ("problem" in parsed) throw new ConfigError(`--${flag} ${parsed.problem}`);
  return parsed.value;
}

function systemdUnit({ pool, environment, drainSeconds, stopSeconds }: Manifest): string {
  const file = "/etc/cyberwave-cloud-node.env";
  const service: Service = {
    scope: "system",
    user: "cyberwave",
    home: "",
    workFolder: "/work",
    command: ["/usr/local/bin/cyberwave-cloud-node", "start"],
    environment: {
      CYBERWAVE_EDGE_CONFIG_DIR: "/var/lib/cyberwave-cloud-node",
      ...(pool !== undefined && { CYBERWAVE_POOL: pool }),
      ...(environment !== "" && { CYBERWAVE_ENVIRONMENT: environment }),
    },
    secrets: {},
    stateFolder: "/var/lib/cyberwave-cloud-node",
    stopSeconds: stopSeconds + 5,
  };
  const comment =
    `# /etc/systemd/system/cyberwave-cloud-node.service, for machine images. The project with its
# cyberwave.yml is in /work, the token in ${file} (mode 600): CYBERWAVE_API_TOKEN=...
# Before it:  useradd --system --create-home cyberwave
# Drain a node before its machine is taken away, for up to ${drainSeconds} s:
#   systemctl kill --kill-whom=main --signal=SIGQUIT cyberwave-cloud-node`;
  return unit(service, { path: file, text: "" }, comment);
}
