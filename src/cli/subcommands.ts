/**
 * Every command of the program: what it takes, what its help says, and where it is carried out.
 *
 * @module
 */
import { flagOptions } from "../config/settings/settings_help.ts";
import { CONFIG, JSON_OUTPUT } from "./shared_flags.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";
import { WORKLOAD_COMMANDS } from "./workload_subcommands.ts";

/** The flags of every setting that has one. */
const ALL_SETTINGS = flagOptions.string;

const start: CliCommand = {
  name: "start",
  operands: [],
  summary: "Run the node: register, take commands and answer them until it is stopped",
  details:
    `SIGTERM or Ctrl-C stops the node; running work goes on, and the next start takes it up again.
SIGQUIT drains it: it takes nothing new, finishes and delivers everything, and then stops. Replies
that the broker has refused for stop_timeout seconds are left for the next start, with exit code 1.
SIGHUP stops it at a terminal; without one it reads the configuration again.`,
  flags: [
    CONFIG,
    { name: "once", help: "Answer one command, then exit: with 0, or 10 if it failed" },
    { name: "drain", help: "Take nothing new: finish and deliver what is left, then exit" },
    {
      name: "idle-timeout",
      value: "TIME",
      help: "With --once: exit with 75 if no command comes within this time",
    },
    { name: "exit-when-idle", value: "TIME", help: "Exit with 0 after this time without work" },
  ],
  settings: ALL_SETTINGS,
  load: () => import("./subcommands/start.ts"),
};

const init: CliCommand = {
  name: "init",
  operands: [],
  summary: "Write a cyberwave.yml and sample scripts to start from",
  details:
    `The samples work as they stand: "dev --once" runs them. Existing files are left unchanged.`,
  flags: [
    {
      name: "dir",
      value: "PATH",
      help: "Where to write them (default: the current folder)",
    },
    { name: "worker", help: "For inference, a worker that loads its model once" },
  ],
  settings: [],
  load: () => import("./subcommands/init.ts"),
};

const validate: CliCommand = {
  name: "validate",
  operands: [],
  summary: "Check the configuration without starting anything",
  details:
    `Reports every problem, not only the first, and exits with 2 if there is one. Warnings are not
problems. Runs nothing of the configuration, and uses the network only if --config is a URL.`,
  flags: [CONFIG, JSON_OUTPUT],
  settings: ALL_SETTINGS,
  load: () => import("./subcommands/validate.ts"),
};

const dev: CliCommand = {
  name: "dev",
  operands: [],
  summary: "Try everything on this computer alone: no account, no network",
  details:
    `Runs a node with an MQTT broker and an emulated backend of its own, on loopback, with the
cyberwave.yml of the current folder or a built-in sample. Clients log in to the broker with the
printed password. State is temporary: when "dev" stops, it kills running work and removes its state.
If "dev" itself is killed, the next "dev" does that.`,
  flags: [
    CONFIG,
    {
      name: "once",
      help: "Send four commands, show the replies, and exit: with 0 if all was well",
    },
    {
      name: "timeout",
      value: "TIME",
      help: "With --once: how long to wait for each reply (default: 600)",
    },
    { name: "port", value: "PORT", help: "The port of the broker; the backend has the next one" },
    { name: "token", value: "TOKEN", help: "The token of both (default: a random one, printed)" },
    { name: "show-token", help: "With --once: print the token too" },
  ],
  settings: [
    "slug",
    "profile",
    "environment",
    "control-plane",
    "concurrency",
    "log-format",
    "log-level",
  ],
  load: () => import("./subcommands/dev.ts"),
};

const doctor: CliCommand = {
  name: "doctor",
  operands: [],
  summary: "Check everything that the node needs, from its config to the broker",
  details: `Prints a line for each check: ok, warn or fail, what was found, and what to do about it.
Exits with 1 if a check failed. Does not disturb a running node.`,
  flags: [
    CONFIG,
    JSON_OUTPUT,
    {
      name: "timeout",
      value: "TIME",
      help: "How long each check may take; all run at once (default: 10)",
    },
  ],
  settings: [
    "api-url",
    "control-plane",
    "slug",
    "environment",
    "mqtt-host",
    "mqtt-port",
    "state-folder",
  ],
  load: () => import("./subcommands/doctor.ts"),
};

const service: CliCommand = {
  name: "service",
  operands: ["<action>"],
  choices: ["install", "uninstall", "start", "stop", "restart", "status", "logs"],
  summary: "Run the node as a service: install, start, stop, restart, status, logs, uninstall",
  details:
    `The service is a unit of systemd, a job of launchd on macOS, or a task of the Task Scheduler on
Windows.

  install     writes the service's definition, enables it and (re)starts it: also after an upgrade
              or with other flags; running work goes on
  uninstall   stops and removes it; its state and running work remain
  start       starts it
  stop        stops it until it is started again or the computer is; running work goes on
  restart     stops and starts it
  status      shows whether it runs
  logs        shows its log

Flags of settings become the service's own. Put the token in .env, beside cyberwave.yml or in the
state folder: the service does not see the variables of this shell.`,
  flags: [
    CONFIG,
    { name: "system", help: "A service of the computer (default for root; needs sudo)" },
    { name: "user", help: "A service of the current user (default for everybody else)" },
    {
      name: "run-as",
      value: "USER",
      help: "With --system: the user it runs as (default: you, also under sudo)",
    },
    { name: "exec-start", value: "PATH", help: "The program to start (default: this one)" },
    { name: "print", help: "With install: print the service's definition, and do nothing" },
    { name: "follow", short: "f", help: "With logs: follow them" },
  ],
  settings: ALL_SETTINGS,
  load: () => import("./subcommands/service.ts"),
};

const permissions: CliCommand = {
  name: "permissions",
  operands: ["[command]"],
  summary: "Print the flags of deno run that grant the node only what it needs",
  details:
    `The flags fit the cyberwave.yml of the current folder, and "start" unless the command is "dev":

  deno run <flags> jsr:@cyberwave/cloud-node start

Workloads are started through the shell and may do what the user may; they see the environment
variables that the flags name.`,
  flags: [CONFIG],
  settings: ALL_SETTINGS,
  load: () => import("./subcommands/show_permissions.ts"),
};

const printManifest: CliCommand = {
  name: "print",
  operands: ["<kubernetes|compose|systemd|slurm>"],
  choices: ["kubernetes", "compose", "systemd", "slurm"],
  summary: "Print a manifest that runs nodes: kubernetes, compose, systemd or slurm",
  details:
    `Prints a manifest for the cyberwave.yml of the current folder: read it, change it, apply it.

  kubernetes  a Deployment for inference and simulate, a ScaledJob of KEDA for training, or, with
              --daemon-set, a node on each labelled machine
  compose     a compose file
  systemd     a unit for /etc/systemd/system, for machine images
  slurm       a script for sbatch, whose node exits when there is no more work

Build the image from the container recipe, with your project in /work and the packages it needs.`,
  flags: [
    CONFIG,
    {
      name: "image",
      value: "IMAGE",
      help: "The image, as you have pushed it (default: cyberwave-cloud-node:<version>)",
    },
    {
      name: "name",
      value: "NAME",
      help: "The name of what is created (default: the pool, else cloud-node)",
    },
    {
      name: "replicas",
      value: "N",
      help: "kubernetes: how many nodes, at most for training (default: 2)",
    },
    { name: "gpus", value: "N", help: "How many GPUs each node gets (default: 0)" },
    {
      name: "drain-within",
      value: "TIME",
      help: "How long a node may take to finish before it is stopped (default: 1h)",
    },
    { name: "daemon-set", help: "kubernetes: one node on each machine that you own" },
  ],
  settings: ["pool", "environment"],
  load: () => import("./subcommands/print_manifest.ts"),
};

const completion: CliCommand = {
  name: "completion",
  operands: ["<bash|zsh|fish>"],
  choices: ["bash", "zsh", "fish"],
  summary: "Print a script that completes command lines in your shell",
  details: `bash: add to ~/.bashrc    eval "$(${PROGRAM} completion bash)"
zsh:  add to ~/.zshrc     eval "$(${PROGRAM} completion zsh)"   (after compinit)
fish: run once            ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish`,
  flags: [],
  settings: [],
  load: async () => {
    const { printScript } = await import("./completion/shell_completion.ts");
    return { run: (args) => Promise.resolve(printScript(args, COMMANDS)) };
  },
};

const help: CliCommand = {
  name: "help",
  operands: ["[command]"],
  summary: "Show all commands, or the flags of one",
  details: "The same as --help, alone or after a command.",
  flags: [],
  settings: [],
  load: async () => {
    const { showHelp } = await import("./help.ts");
    return { run: (args) => Promise.resolve(showHelp(args, COMMANDS)) };
  },
};

const version: CliCommand = {
  name: "version",
  operands: [],
  summary: "Show the version",
  details: "The same as --version.",
  flags: [],
  settings: [],
  load: async () => {
    const { showVersion } = await import("./help.ts");
    return { run: () => Promise.resolve(showVersion()) };
  },
};

/** The commands, in the order in which the help shows them. */
export const COMMANDS: readonly CliCommand[] = [
  start,
  init,
  validate,
  dev,
  doctor,
  ...WORKLOAD_COMMANDS,
  service,
  permissions,
  printManifest,
  completion,
  help,
  version,
];
