/**
 * Manifests of Kubernetes that run nodes. Pure.
 *
 * @module
 */
import { type Manifest, variables, word } from "./manifests.ts";

/** `text` with each line of it further in. */
function indented(text: string, spaces: number): string {
  return text.split("\n").map((line) => line === "" ? "" : " ".repeat(spaces) + line).join("\n");
}

const HEAD =
  `# The token:  kubectl create secret generic cyberwave-cloud-node --from-literal=token=...`;

/** Objects of Kubernetes: what the configuration serves, or a node on each machine. */
export function kubernetesManifest(manifest: Manifest): string {
  const { serves, ownsMachines } = manifest;
  const objects = ownsMachines ? [daemonSet(manifest)] : [
    ...(serves.training ? [scaledJob(manifest)] : []),
    ...(serves.inference || !serves.training ? [deployment(manifest)] : []),
  ];
  return `${HEAD}\n${objects.map((object) => `---\n${object}`).join("")}`;
}

/** Nodes that are all alike, replaced one by one, each when it has finished. */
function deployment(manifest: Manifest): string {
  const { name, replicas } = manifest;
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  # A new node is ready before an old one is drained.
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
${indented(pod(manifest, { args: ["start"], state: STATE_OF_POD, isServed: true }), 6)}`;
}

/** A node for each piece of work, which ends when it has done it. */
function scaledJob(manifest: Manifest): string {
  const { name, replicas } = manifest;
  const args = ["start", "--once", "--idle-timeout", "60"];
  return `# Needs KEDA. Each job runs one command and exits: with 0, with 10 if the command failed, or with 75
# if it answered none. It is never retried, since a training must not start twice.
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata:
  name: ${name}-training
spec:
  jobTargetRef:
    backoffLimit: 0
    ttlSecondsAfterFinished: 86400
    template:
      metadata:
        labels:
          app: ${name}-training
      spec:
        restartPolicy: Never
${indented(pod(manifest, { args, state: STATE_OF_POD, isServed: false }), 8)}  pollingInterval: 15
  maxReplicaCount: ${replicas}
  triggers:
    # Where to read how many commands wait: the queue of your broker, or GET /api/v1/backlog of a node
    # (with its token: authModes and a TriggerAuthentication).
    - type: metrics-api
      metadata:
        url: http://backlog.example/api/v1/backlog
        valueLocation: queued
        targetValue: "1"
`;
}

/** A node on each machine, which keeps its state there. */
function daemonSet(manifest: Manifest): string {
  const { name } = manifest;
  return `# One node on each machine that has the label:  kubectl label node MACHINE cyberwave.com/node=${name}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ${name}
spec:
  updateStrategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 1
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      nodeSelector:
        cyberwave.com/node: ${name}
      tolerations:
        - operator: Exists
      initContainers:
        - name: state
          image: ${word(manifest.image)}
          command: ["install", "-d", "-o", "10001", "-g", "10001", "-m", "700", "/state/${name}"]
          securityContext:
            runAsUser: 0
            runAsNonRoot: false
          volumeMounts:
            - name: state
              mountPath: /state
${indented(pod(manifest, { args: ["start"], state: stateOfMachine, isServed: true }), 6)}`;
}

/** Lost with the pod, which is drained before. */
const STATE_OF_POD = { volume: "emptyDir: {}", subPath: undefined };
const stateOfMachine = {
  volume: "hostPath:\n  path: /var/lib/cyberwave\n  type: DirectoryOrCreate",
  subPath: "name",
};

/** The part of a pod that is the same for all. */
function pod(
  manifest: Manifest,
  { args, state, isServed }: {
    readonly args: readonly string[];
    readonly state: { readonly volume: string; readonly subPath: string | undefined };
    /** Whether something asks it how it is. */
    readonly isServed: boolean;
  },
): string {
  const { name, image, gpus, drainSeconds, stopSeconds } = manifest;
  const env = variables(manifest).map(([key, value]) =>
    `- name: ${key}\n  value: ${word(value)}\n`
  );
  const slug = state.subPath === undefined ? "" : `- name: CYBERWAVE_INSTANCE_SLUG
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
`;
  return `# A node that is terminated first finishes its commands: allow for the longest one.
terminationGracePeriodSeconds: ${drainSeconds + stopSeconds}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
containers:
  - name: node
    image: ${word(image)}
    args: [${args.map(word).join(", ")}]
    env:
      - name: CYBERWAVE_API_TOKEN
        valueFrom:
          secretKeyRef:
            name: cyberwave-cloud-node
            key: token
      # For the probes and for Prometheus. Everything but those paths needs a token.
      - name: CYBERWAVE_HTTP
        value: "0.0.0.0:8470"
${indented(`${slug}${env.join("")}`, 6)}    ports:
      - name: http
        containerPort: 8470
${indented(isServed ? DRAIN + PROBES : DRAIN, 4)}${
    gpus === 0 ? "" : indented(resources(gpus), 4)
  }    volumeMounts:
      - name: state
        mountPath: /var/lib/cyberwave
${state.subPath === undefined ? "" : `        subPath: ${name}\n`}volumes:
  - name: state
${indented(state.volume, 4)}
`;
}

/** SIGQUIT drains; when the node has ended, so has the container and what waits in it. */
const DRAIN = `lifecycle:
  preStop:
    exec:
      command: ["sh", "-c", "kill -s QUIT 1; while :; do sleep 1; done"]
`;

const PROBES = `readinessProbe:
  httpGet:
    path: /readyz
    port: http
# Whether the node's process works, whatever the state of broker and backend.
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 10
`;

function resources(gpus: number): string {
  return `resources:
  limits:
    nvidia.com/gpu: ${gpus}
`;
}
