/**
 * Manifests that run nodes: what they are made from, and those that are no objects of Kubernetes. Pure.
 *
 * @module
 */

/** What a manifest is made from. */
export interface Manifest {
  /** What its objects are called. */
  readonly name: string;
  readonly image: string;
  /** The pool the nodes belong to, if they do. */
  readonly pool: string | undefined;
  /** What stands in front of every topic; `""`: nothing. */
  readonly environment: string;
  /** What the nodes are configured for. */
  readonly serves: { readonly inference: boolean; readonly training: boolean };
  readonly replicas: number;
  /** How many GPUs each node gets. */
  readonly gpus: number;
  /** How long a node may take to finish what it has. */
  readonly drainSeconds: number;
  /** How long one takes to stop that has nothing left. */
  readonly stopSeconds: number;
  /** Whether there is to be one node on each machine. */
  readonly ownsMachines: boolean;
}

/** One line of YAML, with what JSON and YAML agree on. */
export function word(value: string | number): string {
  return JSON.stringify(String(value));
}

/** Variables that the manifest sets, beside those of the image. */
export function variables({ pool, environment }: Manifest): [string, string][] {
  return [
    ...(pool === undefined ? [] : [["CYBERWAVE_POOL", pool] as [string, string]]),
    ...(environment === "" ? [] : [["CYBERWAVE_ENVIRONMENT", environment] as [string, string]]),
  ];
}

/** A compose file. */
export function composeFile(manifest: Manifest): string {
  const { image, gpus, stopSeconds, drainSeconds } = manifest;
  const env = variables(manifest).map(([name, value]) => `      ${name}: ${composed(value)}\n`);
  const devices = gpus === 0 ? "" : `    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: ${gpus}
              capabilities: [gpu]
`;
  return `# The token is CYBERWAVE_API_TOKEN of the shell, or of the file .env beside this one.
# docker compose up --detach; to drain a node, which may take ${drainSeconds} s:
# docker compose kill --signal SIGQUIT node
services:
  node:
    image: ${composed(image)}
    restart: on-failure
    stop_grace_period: ${stopSeconds}s
    environment:
      CYBERWAVE_API_TOKEN: \${CYBERWAVE_API_TOKEN:?is missing}
${env.join("")}${devices}    volumes:
      # The folder of cyberwave.yml; remove this line if the image contains your project.
      - ./:/work:ro
      - state:/var/lib/cyberwave
volumes:
  # The node's identity and every command it has accepted: keep it.
  state: {}
`;
}

/** In compose files a dollar sign begins a variable. */
function composed(value: string): string {
  return word(value).replaceAll("$", "$$$$");
}

/** The longest time before the end that Slurm takes. */
const MAX_SIGNAL_SECONDS = 65_535;

/** A script for `sbatch`. */
export function slurmScript(manifest: Manifest): string {
  const { name, gpus, drainSeconds } = manifest;
  const exports = variables(manifest)
    .map(([key, value]) => `export ${key}='${value.replaceAll("'", `'\\''`)}'\n`);
  return `#!/bin/bash
# A node that exits after 10 minutes without work. Submit it in the folder of cyberwave.yml:
#   sbatch --export=ALL,CYBERWAVE_API_TOKEN node.sbatch
#SBATCH --job-name=${name}
#SBATCH --output=${name}-%j.log
#SBATCH --time=24:00:00
${
    gpus === 0
      ? ""
      : `#SBATCH --gres=gpu:${gpus}\n`
  }# Commands must not start twice: the next node with the same state folder answers those of this one.
#SBATCH --no-requeue
# SIGQUIT drains the node, this many seconds before the time limit.
#SBATCH --signal=B:QUIT@${Math.min(drainSeconds, MAX_SIGNAL_SECONDS)}
set -u
# Job control: without it, background processes of bash ignore SIGQUIT and SIGINT.
set -m
state=\${CYBERWAVE_EDGE_CONFIG_DIR:-$HOME/.cyberwave/slurm-$SLURM_JOB_ID}
interrupted=
for signal in QUIT TERM INT; do
  trap "interrupted=yes; kill -s $signal \\$(jobs -p)" "$signal"
done
${exports.join("")}cyberwave-cloud-node start --exit-when-idle 10m --slug "${name}-$SLURM_JOB_ID" \\
  --state-folder "$state" &
node=$!
wait "$node"
code=$?
# A signal also makes wait return, with a code of its own: wait again until the node has ended.
while [ "$interrupted" ]; do
  interrupted=
  wait "$node"
  code=$?
done
exit "$code"
`;
}
